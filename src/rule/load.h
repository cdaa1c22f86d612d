// From policy.conf to a Policy: reads it and everything it includes, checks all of it, reports all mistakes.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <policymux/result.h>

#include "base/diagnostic.h"
#include "rule/policy.h"

namespace policymux {

// How rules get at files: the room itself opens none.
class Files {
 public:
  virtual ~Files() = default;
  // The whole file. The error is the system's reason alone ("No such file or directory").
  virtual Result<std::string, std::string> read(const std::string& path) = 0;
  // What matches, sorted bytewise; perhaps nothing.
  virtual std::vector<std::string> glob(const std::string& pattern) = 0;
};

struct LoadOptions {
  std::span<const std::string> restriction_classes{};
  std::string recipient_delimiter{"+"};
  // What this daemon can ask; a test of another kind gets one warning and is UNKNOWN.
  std::span<const QuestionKind> built_in{};
  // The [group NAME], [table NAME] of main.conf; nullopt: not known (a policy tried alone), not checked.
  std::optional<std::vector<std::string>> groups{}, tables{};
};

struct Loaded {
  std::optional<Policy> policy;  // none when there is an error among the diagnostics
  Diagnostics diagnostics;       // in order of file and line
};

// Loads policy.conf. `include` paths are relative to the file that includes; value files must be absolute
// ("A VALUE that begins with / is a file").
Loaded load_policy(Files& files, const std::string& path, const LoadOptions& options);

}  // namespace policymux
