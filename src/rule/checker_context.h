// What the parts of the checker share while they make a policy from statements.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rule/load.h"
#include "rule/names.h"
#include "rule/parser.h"
#include "rule/policy.h"
#include "rule/report.h"
#include "rule/value_files.h"

namespace policymux {

// What two statements about one acl must agree on.
struct AclOptions {
  TextMatch match = TextMatch::regex;
  bool case_sensitive = false;
  OnError on_error = OnError::unknown;
  std::optional<Zone> zone{};                  // tz=
  std::vector<Definition::Option> question{};  // in the order of the type's row; not `key`
  std::string key{};
  bool operator==(const AclOptions&) const = default;
};

// Where a VALUE was written: in a statement, or in a list that the statement names.
struct Origin {
  Place place{};  // of the word
  ValueFilePtr list{};
  int line = 0;   // in the list
};

// What is kept of an acl until all names can be resolved.
struct Draft {
  struct Member {
    std::string text;  // "acl" or "!acl"
    Origin origin;
  };
  AclOptions options{};
  std::vector<std::string> question_values{};
  std::vector<Member> members{};  // of any, all, none
  std::vector<Word> log_text{};   // of log
  bool is_broken = false;         // a mistake was told about it: tell none that follows from that
};

class CheckerContext {
 public:
  // REQUIRES: all outlive it.
  CheckerContext(Files& files, const LoadOptions& load_options, Report& told)
      : options{load_options}, report{told}, lists{files, load_options} {}

  const LoadOptions& options;
  Report& report;
  ValueFiles lists;
  Policy policy{};
  NameTable acls{}, actions{}, chains{};
  std::vector<Draft> drafts{};  // of policy.acls

  void error(const Origin& at, std::string_view value, Flaw flaw);

  // LANGUAGE: an unknown name is an attribute, "with a warning, unless it is within two edits of a known type
  // or attribute". `known` are the names that may have been meant, `what` says what the name should be. False:
  // an error was told.
  bool may_be_attribute(std::string_view name, const Place& at, std::span<const std::string_view> known,
                        std::string_view what);

  // The attribute or derived text of that name, by the same rule; nullopt: an error was told. `also` are other
  // names that may stand there.
  std::optional<Source> source_named(std::string_view name, const Place& at,
                                     std::span<const std::string_view> also = {});

  // The acl of that name; nullopt: an error was told.
  std::optional<std::uint32_t> acl_named(std::string_view name, const Origin& at);

  // Can this daemon ask such questions? If not, warns once: "`what` is not built in: `consequence`".
  bool check_built_in(QuestionKind kind, std::string_view what, const Place& at, std::string_view consequence);
  void warn_not_built_in(std::string_view what, const Place& at, std::string_view consequence);
  // The same text is told once.
  void warn_once(const Place& at, std::string text);

  // An error when main.conf is known and has no such table or group.
  void check_listed(const std::optional<std::vector<std::string>>& names, std::string_view what, std::string_view name,
                    const Origin& at);

 private:
  std::set<std::string, std::less<>> warned_attributes_{}, warnings_{};
};

}  // namespace policymux
