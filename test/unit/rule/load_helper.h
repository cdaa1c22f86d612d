// Loads policies from texts, for tests that look at what came of it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/diagnostic.h"
#include "rule/load.h"
#include "support/catch.h"
#include "support/memory_files.h"

namespace policymux {

// What was said, a line each, without the name of the file: "1:5: error: ...".
inline std::string told(const Diagnostics& diagnostics) {
  std::string out;
  for (const auto& diagnostic : diagnostics) {
    auto text = summary(diagnostic);
    if (text.starts_with("policy.conf:")) text.erase(0, std::string_view{"policy.conf:"}.size());
    out += text + '\n';
  }
  return out;
}

inline Loaded try_policy(std::string_view text, const LoadOptions& options = {}) {
  auto files = MemoryFiles::from_bundle(text);
  return load_policy(files, "policy.conf", options);
}

inline std::string told_of(std::string_view text, const LoadOptions& options = {}) {
  return told(try_policy(text, options).diagnostics);
}

// REQUIRES: it loads, and nothing is said about it.
inline Policy load(std::string_view text, const LoadOptions& options = {}) {
  auto loaded = try_policy(text, options);
  INFO(told(loaded.diagnostics));
  REQUIRE(loaded.diagnostics.empty());
  REQUIRE(loaded.policy);
  return *std::move(loaded.policy);
}

inline std::size_t count_errors(const Diagnostics& diagnostics) {
  std::size_t errors = 0;
  for (const auto& diagnostic : diagnostics) errors += diagnostic.severity == Severity::error ? 1 : 0;
  return errors;
}

// The values of a text acl.
inline std::vector<std::string> values_of(const Policy& policy, std::size_t acl = 0) {
  return std::get<TextTest>(policy.acls.at(acl).test).values;
}

}  // namespace policymux
