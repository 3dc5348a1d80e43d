# fuzz.mk - targets of libFuzzer, and as tests over their corpora

fuzzers = $(filter-out replay,$(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/*.c)))
replays = $(fuzzers:%=$(BUILD)/test/fuzz/%)
fuzz_objects = $(patsubst %.c,$(BUILD)/obj/fuzz/%.o,$(lib) $(wildcard cmd/share/*.c) \
	cmd/archive/member.c)

.PHONY: fuzz $(fuzzers:%=fuzz-%)
.SECONDARY: $(fuzz_objects) $(fuzzers:%=$(BUILD)/obj/fuzz/tests/fuzz/%.o)

FUZZ_TIME = 60

fuzz: $(fuzzers:%=fuzz-%)

$(fuzzers:%=fuzz-%): fuzz-%: $(BUILD)/fuzz/%
	@tests/fuzz/run $< $(FUZZ_TIME)

# A fuzz target as a test: over its corpus, without libFuzzer.
$(replays): $(BUILD)/test/fuzz/%: $(BUILD)/obj/tests/fuzz/%.o $(BUILD)/obj/tests/fuzz/replay.o \
	    $(BUILD)/obj/shared.a $(BUILD)/libmq.a
	$(link)

$(BUILD)/test/fuzz/jsonin: libs = $(LIBJANSSON)

# And with it, which only clang has.
FUZZ_CC = clang
fuzzing = -std=c11 -O1 -g -fsanitize=fuzzer$1,address,undefined -fno-sanitize-recover=all

$(BUILD)/obj/fuzz/%.o: %.c
	@mkdir -p $(@D)
	$(FUZZ_CC) $(cppflags) $(call fuzzing,-no-link) -MMD -MP -c -o $@ $<

$(BUILD)/obj/fuzz/libmq.a: $(fuzz_objects)
	$(archive)

$(fuzzers:%=$(BUILD)/fuzz/%): $(BUILD)/fuzz/%: $(BUILD)/obj/fuzz/tests/fuzz/%.o \
	    $(BUILD)/obj/fuzz/libmq.a
	@mkdir -p $(@D)
	$(FUZZ_CC) $(call fuzzing) -o $@ $^ $(LIBJANSSON) $(LIBMD)

-include $(wildcard $(BUILD)/obj/fuzz/*/*/*.d)
