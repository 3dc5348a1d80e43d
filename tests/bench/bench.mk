# bench.mk - what is measured with, and the clients of those peers whose libraries are there

benches = $(patsubst tests/%.c,$(BUILD)/test/%,$(wildcard tests/bench/*.c))

.PHONY: bench bench-programs bench-clients

bench-programs: $(benches)

# The clients of those peers whose libraries are there.
clients = beanstalk $(if $(call there,librabbitmq),rabbit) $(if $(call there,hiredis),redis)
there = $(shell pkg-config --exists $1 2>/dev/null && echo yes)
bench-clients: $(clients:%=$(BUILD)/test/bench/peers/%)

bench: all bench-programs | needs
	@$(MAKE) --no-print-directory bench-clients
	@BUILD='$(BUILD)' tests/bench/compare $(BENCH)

$(BUILD)/test/bench/%: $(BUILD)/obj/tests/bench/%.o $(BUILD)/libmq.a
	$(link)

$(BUILD)/test/bench/empty: static = $(if $(SANITIZE),,-static)

$(BUILD)/test/bench/peers/%: $(BUILD)/obj/tests/bench/peers/%.o
	$(link)

$(BUILD)/obj/tests/bench/peers/rabbit.o: CPPFLAGS += $(shell pkg-config --cflags librabbitmq)
$(BUILD)/test/bench/peers/rabbit: libs = $(shell pkg-config --libs librabbitmq)
$(BUILD)/obj/tests/bench/peers/redis.o: CPPFLAGS += $(shell pkg-config --cflags hiredis)
$(BUILD)/test/bench/peers/redis: libs = $(shell pkg-config --libs hiredis)
