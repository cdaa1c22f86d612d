// POLICYMUX_ADDRESS_SANITIZER: 1 in a program that AddressSanitizer watches, else 0. gcc and clang say it in two ways.
#pragma once

#if defined(__SANITIZE_ADDRESS__)
#define POLICYMUX_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define POLICYMUX_ADDRESS_SANITIZER 1
#endif
#endif

#ifndef POLICYMUX_ADDRESS_SANITIZER
#define POLICYMUX_ADDRESS_SANITIZER 0
#endif
