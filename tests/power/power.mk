# power.mk - power cuts, as a FUSE file system records the writes

recorder = $(BUILD)/test/power/recorder

.PHONY: check-power

# POWER, SEED and DIR choose; tests/power/run says what is done.
check-power: $(bin) $(test_bin) $(recorder) | needs
	@BUILD='$(abspath $(BUILD))' tests/power/run -n $(or $(POWER),150) $(if $(SEED),-s $(SEED)) \
		$(if $(DIR),-k '$(DIR)') ext4 xfs btrfs

$(BUILD)/obj/tests/power/recorder.o: CPPFLAGS += $(shell pkg-config --cflags fuse3)
$(recorder): libs = $(shell pkg-config --libs fuse3)
$(recorder): $(BUILD)/obj/tests/power/recorder.o
	$(link)
