# order.mk - the commands as the scheduler runs them, and the scheduler

order_bin = $(addprefix $(BUILD)/test/order/mq-,ack bind config create delete extend fsck nack once purge recv \
	redrive send wait work)
order_objects = $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard tests/order/*.c))
order_inside = $(addprefix $(BUILD)/obj/tests/order/,inside.o page.o stops.o) $(BUILD)/obj/tests/trace/trace.o
wrapped = -Wl,--wrap=clock_gettime,--wrap=getrandom

order_programs = $(order_bin) $(BUILD)/test/order/order $(BUILD)/test/order/pass $(BUILD)/test/crash/meddle

.PHONY: check-order order-programs

order-programs: $(order_programs)

check-order: order-programs | needs
	@BUILD='$(BUILD)' tests/order/run $(ORDER)

$(BUILD)/test/order/mq-%: $(BUILD)/obj/cmd/mq-%.o $(order_inside) $(BUILD)/obj/shared.a $(BUILD)/libmq.a
	$(link) $(wrapped),--wrap=main

$(BUILD)/test/order/order: $(filter-out $(addprefix $(BUILD)/obj/tests/order/,inside.o pass.o),$(order_objects)) \
		$(BUILD)/obj/tests/trace/trace.o $(BUILD)/libmq.a
	$(link) $(wrapped)

$(BUILD)/test/order/pass: $(BUILD)/obj/tests/order/pass.o $(BUILD)/obj/tests/order/page.o
	$(link) $(wrapped)

$(order_bin): static = $(if $(SANITIZE),,-static)

$(BUILD)/test/order/mq-send: libs = $(LIBJANSSON)
