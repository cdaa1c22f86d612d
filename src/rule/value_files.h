// Value files: each is read once, however many acls name it.
#pragma once

#include <string>
#include <unordered_map>

#include "rule/load.h"
#include "rule/policy.h"

namespace policymux {

class ValueFiles {
 public:
  // REQUIRES: `files` outlives it.
  explicit ValueFiles(Files& files) : files_{files} {}
  // The error is the system's reason; it too is found out once.
  const Result<ValueFilePtr, std::string>& get(const std::string& path);

 private:
  Files& files_;
  std::unordered_map<std::string, Result<ValueFilePtr, std::string>> known_;
};

}  // namespace policymux
