// Everything that a reload replaces, read and checked as one: main.conf and the compiled policy.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "app/frozen_policy.h"
#include "ask/question.h"
#include "base/diagnostic.h"
#include "config/config.h"
#include "rule/policy.h"
#include "rule/table.h"

namespace policymux {

// What may be asked outside: the rooms that are there to answer.
inline constexpr std::array built_in_questions = {QuestionKind::service, QuestionKind::policy};

// Where to read, as the command line says it.
struct Origins {
  std::optional<ConfigPlace> config{};  // nullopt: there is no main.conf, the defaults apply
  std::string policy{};                 // --policy FILE; empty: what main.conf says
  std::string chroot{};                 // the policy is looked for in there; empty: none
  std::optional<Config> settings{};     // what main.conf said, where it cannot be read again
};

// The same for a daemon that will be locked into main.chroot. A path that lies below it loses that beginning; a
// main.conf outside is not read again. REQUIRES: it is still outside.
Origins inside_chroot(Origins origins, const Config& config);

// What could be read. With an error among the diagnostics nothing of it may take effect.
struct Ruleset {
  std::optional<Config> config{};
  std::optional<Policy> policy{};
  std::shared_ptr<const Table> table{};
  std::shared_ptr<const FrozenPolicy> frozen{};  // what the policy was made from
  Diagnostics diagnostics{};
  bool usable() const { return table != nullptr && !has_errors(diagnostics); }
};

// main.conf alone.
std::optional<Config> read_config(const Origins& origins, Diagnostics& diagnostics);

// How a daemon reads; a command that ends soon needs none of it.
struct Reading {
  bool keep_list_texts = true;            // for explain, lint and dump
  bool as_in_chroot = false;              // from outside, what the daemon will see inside
  std::span<const ValueFilePtr> lists{};  // of the table in force
  std::set<std::string> held{};           // of these, those that stay as they are
  std::function<void(const std::string& path, int percent)> progress{};
};

// The policy that `config` names, compiled. Blocks: for the start, for commands and for the helper thread.
Ruleset read_ruleset(const Origins& origins, Config config, const Reading& reading = {});
// The same for a policy that is at `path` in `files`, once: lists are not read again.
Ruleset read_ruleset(Files& files, const std::string& path, Config config);

// Lists that may have changed, by path.
struct ChangedLists {
  std::set<std::string> whole{};       // nobody writes to them any more
  std::set<std::string> unfinished{};  // somebody does
};

// What has become of a list.
struct ListNews {
  enum class What : std::uint8_t { read, unchanged, failed };  // failed: the old content stays
  std::string path;
  What what = What::read;
  std::string text{};  // read: how much; failed: why
};

struct ListUpdate {
  std::shared_ptr<const Table> table{};  // nullptr: nothing to change
  std::vector<ListNews> news{};          // at most one of a list
  std::set<std::string> restless{};      // changed again meanwhile: to be asked for once more
};

// The policy in force with those of its lists read again that have changed, and with all else as it was. A list that
// cannot be read, has no values or a mistake stays as it was; an unfinished one does, too, but an error is told when it
// is empty. Blocks, like read_ruleset().
ListUpdate update_lists(const FrozenPolicy& frozen, const Table& in_force, const ChangedLists& changed);

std::string policy_path(const Origins& origins, const Config& config);

}  // namespace policymux
