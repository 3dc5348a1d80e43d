# order.mk - the commands as the scheduler runs them, and the scheduler

order_bin = $(addprefix $(BUILD)/test/order/mq-,ack bind config create delete extend fsck nack once purge recv \
	redrive send wait work)
order_objects = $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard tests/order/*.c))
order_inside = $(addprefix $(BUILD)/obj/tests/order/,inside.o rewind.o calls.o page.o access.o)
order_outside = $(filter-out $(addprefix $(BUILD)/obj/tests/order/,inside.o rewind.o calls.o pass.o),$(order_objects))
wrap = -Wl,$(subst $(space),$(comma),$(addprefix --wrap=,$1))
space = $(subst ,, )
comma = ,

order_programs = $(order_bin) $(BUILD)/test/order/order $(BUILD)/test/order/pass $(BUILD)/test/crash/meddle

.PHONY: check-order order-programs

order-programs: $(order_programs)

check-order: order-programs | needs
	@BUILD='$(BUILD)' tests/order/run $(ORDER)

$(BUILD)/test/order/mq-%: $(BUILD)/obj/cmd/mq-%.o $(order_inside) $(BUILD)/obj/shared.a $(BUILD)/libmq.a
	$(link) $(call wrap,main _exit fork mmap64 munmap clock_gettime getrandom openat64 fstatat64 readlinkat unlinkat symlinkat \
		mkdirat mknodat utimensat renameat linkat close flock syscall ppoll nanosleep usleep \
		clock_nanosleep)

$(BUILD)/test/order/order: $(order_outside) $(BUILD)/libmq.a
	$(link) $(call wrap,clock_gettime getrandom)

$(BUILD)/test/order/pass: $(BUILD)/obj/tests/order/pass.o $(BUILD)/obj/tests/order/page.o
	$(link) $(call wrap,clock_gettime getrandom)

$(order_bin): static = $(if $(SANITIZE),,-static)

$(BUILD)/test/order/mq-send: libs = $(LIBJANSSON)
