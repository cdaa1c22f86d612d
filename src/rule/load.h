// From policy.conf to a Policy: reads it and everything it includes, checks all of it, reports all mistakes.
#pragma once

#include <functional>
#include <map>
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
  // The same of a value file, as it was at one moment.
  virtual Result<ListText, std::string> read_list(const std::string& path) {
    const auto text = read(path);
    if (!text) return Unexpected{text.error()};
    return ListText::whole(*text);
  }
  // What read_list() would find; nullopt: not known, so it must be read.
  virtual std::optional<Signature> signature(const std::string&) { return std::nullopt; }
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
  // Value files as they were read before: those that have not changed are neither read nor indexed again.
  std::span<const ValueFilePtr> lists{};
  // Whether the texts of value files are kept for explain, lint and dump, or only as long as they are needed to decide.
  bool keep_texts = true;
  // Told now and then how much of a value file is done, in percent.
  std::function<void(const std::string& path, int percent)> progress{};
};

struct Loaded {
  std::optional<Policy> policy;        // none when there is an error among the diagnostics
  Diagnostics diagnostics;             // in order of file and line
  std::vector<ValueFilePtr> lists;     // all that could be read, by path, also where there are errors
  std::map<std::string, std::string> flawed_lists;  // could not be read, or a mistake: why; empty: have no values
};

// Loads policy.conf. `include` paths are relative to the file that includes; value files must be absolute
// ("A VALUE that begins with / is a file").
Loaded load_policy(Files& files, const std::string& path, const LoadOptions& options);

}  // namespace policymux
