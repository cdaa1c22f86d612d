// From policy.conf and what it includes to statements: who says what, and where, but nothing about meaning.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rule/lexer.h"
#include "rule/load.h"
#include "rule/report.h"

namespace policymux {

struct AclStatement {
  Place place{};  // of the statement word
  Place end{};    // just behind the last word: where something is missing
  Word name{}, type{};
  std::vector<Word> words{};  // options and values
};
struct ActionStatement {
  Place place{};
  Word name{};
  std::string text{};  // verb and TEXT, as they stand
  Joined origin{};     // of `text`
};
struct AccessStatement {
  Place place{};
  std::uint32_t chain = 0;
  std::vector<Word> words{};  // at least one
};
struct ChainStatement {
  Place place{};
  std::string name{};
};

// All statements in the order of reading. An included file's stand where the include stood.
struct Statements {
  std::vector<AclStatement> acls{};
  std::vector<ActionStatement> actions{};
  std::vector<AccessStatement> accesses{};
  std::vector<ChainStatement> chains{};  // chains[0] is main
};

// Reads `path` and everything it includes.
//   Errors  all are reported; a statement that cannot be understood is left out.
//   Limits  includes nest 32 deep, and 10,000 are followed.
Statements parse_policy(Files& files, const std::string& path, Report& report);

// Of acls, actions, chains, tags, attributes: "bad `what` 'text'", with what names are made of.
std::optional<Flaw> flaw_of_name(std::string_view text, std::string_view what = "name");

}  // namespace policymux
