# stress.mk - everything at once

stress_objects = $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard tests/stress/*.c))

.PHONY: check-stress

# TIME, SEED, WORKERS and DIR choose; tests/stress/stress.c says what is done.
check-stress: $(BUILD)/test/stress | needs
	$< $(if $(TIME),-t $(TIME)) $(if $(SEED),-s $(SEED)) $(if $(WORKERS),-w $(WORKERS)) \
		$(if $(DIR),-d '$(DIR)')

$(BUILD)/test/stress: $(stress_objects) $(BUILD)/libmq.a
	$(link)
