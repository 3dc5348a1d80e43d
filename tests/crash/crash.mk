# crash.mk - commands that are killed and made to fail

crash = $(BUILD)/test/crash/meddle $(BUILD)/test/crash/serve
crash_objects = $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard tests/crash/*.c tests/trace/*.c))

.PHONY: check-crash

# Its files say what is done, and what chooses.
check-crash: $(bin) $(test_bin) $(crash) | needs
	@BUILD='$(BUILD)' tests/crash/run

$(BUILD)/test/crash/meddle: $(BUILD)/obj/tests/crash/calls.o $(BUILD)/obj/tests/trace/trace.o
$(BUILD)/test/crash/serve: $(BUILD)/obj/tests/crash/look.o $(BUILD)/obj/tests/crash/restore.o $(BUILD)/libmq.a
$(crash): static = $(if $(SANITIZE),,-static)
$(crash): $(BUILD)/test/crash/%: $(BUILD)/obj/tests/crash/%.o
	$(link)
