// POLICYMUX_ADDRESS_SANITIZER: 1 in a program that AddressSanitizer watches, else 0. gcc and clang say it in two ways.
#pragma once

#if defined(__SANITIZE_ADDRESS__)
#define POLICYMUX_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#define POLICYMUX_ADDRESS_SANITIZER __has_feature(address_sanitizer)
#else
#define POLICYMUX_ADDRESS_SANITIZER 0
#endif
