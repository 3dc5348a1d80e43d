# musl.mk - make CC=musl-gcc: the commands that need no more of glibc's libraries than
# libmd and jansson, and their tests but for those of the build, and of power cuts

# Debian's musl-gcc finds musl alone.  The kernel's headers and the libraries are
# those of gcc, which is made for glibc: lib/musl has what they need of that.
musl = $(filter musl-gcc,$(notdir $(CC)))
ifneq ($(musl),)
cppflags += $(musl_headers)
musl_headers := $(patsubst %,-idirafter /usr/include/%,. $(shell gcc -print-multiarch))
LIBMD := $(shell gcc -print-file-name=libmd.a)
LIBJANSSON := $(shell gcc -print-file-name=libjansson.a)
fortify = $(BUILD)/obj/lib/musl/fortify.o
endif
