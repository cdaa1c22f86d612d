#include "rule/parser.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <unordered_map>
#include <utility>

#include "base/text.h"

namespace policymux {
namespace {

constexpr std::size_t deepest_include = 32;
constexpr std::size_t most_includes = 10'000;

bool is_glob(std::string_view path) { return path.find_first_of("*?[") != path.npos; }

// A relative path begins at the directory of the file that names it.
std::string relative_to(const std::string& including, std::string_view path) {
  while (path.starts_with("./")) path.remove_prefix(2);
  return (std::filesystem::path{including}.parent_path() / path).string();
}

class Parser {
 public:
  Parser(Files& files, Report& report) : files_{files}, report_{report} {}

  Statements run(const std::string& path) && {
    statements_.chains.push_back({.name = "main"});
    chain_of_["main"] = 0;
    const auto file = file_of(path);
    if (!file) {
      report_.error({report_.add_file(path, {}), 0, 0}, {"cannot read: " + file.error()});
    } else {
      read(*file, 0);
    }
    return std::move(statements_);
  }

 private:
  using Statement = void (Parser::*)(const Place&, WordReader&, std::uint32_t& chain);
  struct Keyword {
    std::string_view word, usage;
    Statement parse;
  };
  static constexpr std::size_t keyword_count = 5;
  static const std::array<Keyword, keyword_count>& keywords() {
    static constexpr std::array<Keyword, keyword_count> rows = {{
        {"acl", "acl NAME TYPE [option=value ...] VALUE...", &Parser::acl},
        {"action", "action NAME VERB [TEXT]", &Parser::action},
        {"access", "access [!]ACL... [ACTION]", &Parser::access},
        {"include", "include PATH", &Parser::include},
        {"chain", "chain NAME", &Parser::chain},
    }};
    return rows;
  }
  static std::string usage(std::string_view word) {
    return "write: " + std::string{std::ranges::find(keywords(), word, &Keyword::word)->usage};
  }

  Result<std::uint32_t, std::string> file_of(const std::string& path) {
    if (const auto known = file_of_.find(path); known != file_of_.end()) return known->second;
    auto text = files_.read(path);
    if (!text) return Unexpected{std::move(text).error()};
    return file_of_[path] = report_.add_file(path, std::string{without_byte_order_mark(*text)});
  }

  // `chain` is a copy on purpose: what an included file says about chains ends with it.
  void read(std::uint32_t file, std::uint32_t chain) {
    open_.push_back(file);
    LineReader lines{report_, file};
    for (SourceLine line; lines.next(line);) read(line, chain);
    open_.pop_back();
  }

  void read(const SourceLine& line, std::uint32_t& chain) {
    WordReader words{report_, line};
    const auto place = words.place();
    const auto word = words.next();
    const auto known = std::ranges::find(keywords(), word->text, &Keyword::word);
    if (known == keywords().end()) return unknown(line, *word);
    (this->*known->parse)(place, words, chain);
  }

  void unknown(const SourceLine& line, const Word& word) {
    if (line.continues_nothing) {
      return report_.error(word.place, {"this line begins with blank space, but there is none before it to continue"});
    }
    std::array<std::string_view, keyword_count> names;
    std::ranges::transform(keywords(), names.begin(), &Keyword::word);
    const auto meant = nearest(to_lower(word.text), names);
    report_.error(word.place,
                  {"unknown statement " + in_quotes(word.text),
                   meant ? did_you_mean(*meant) : "a statement begins with acl, action, access, include or chain"});
  }

  // The next word, which the statement cannot do without.
  std::optional<Word> want(WordReader& words, std::string_view statement, std::string_view what) {
    const auto place = words.place();
    auto word = words.next();
    if (!word) {
      report_.error(place, {std::string{statement} + " without " + std::string{what}, usage(statement)});
    }
    return word;
  }

  std::optional<Word> want_name(WordReader& words, std::string_view statement) {
    auto name = want(words, statement, "a name");
    if (!name) return name;
    auto flaw = flaw_of_name(name->text);
    if (!flaw) return name;
    report_.error(name->place, *std::move(flaw));
    return std::nullopt;
  }

  void nothing_behind(WordReader& words, std::string_view statement) {
    const auto place = words.place();
    if (const auto word = words.next()) {
      report_.error(place, {"nothing may follow here, but there is " + in_quotes(word->text), usage(statement)});
    }
  }

  void acl(const Place& place, WordReader& words, std::uint32_t&) {
    auto name = want_name(words, "acl");
    if (!name) return;
    auto type = want(words, "acl", "a type");
    AclStatement statement{.place = place, .name = std::move(*name)};
    if (type) statement.type = std::move(*type);
    while (auto word = words.next()) statement.words.push_back(std::move(*word));
    statement.end = words.place();
    statements_.acls.push_back(std::move(statement));
  }

  void action(const Place& place, WordReader& words, std::uint32_t&) {
    auto name = want_name(words, "action");
    if (!name) return;
    ActionStatement statement{.place = place, .name = std::move(*name)};
    const auto text = words.rest();
    if (text.empty()) {
      report_.error(words.place(), {"action without a verb", usage("action")});
    } else {
      statement.text = text;
      statement.origin = words.origin();
    }
    statements_.actions.push_back(std::move(statement));
  }

  void access(const Place& place, WordReader& words, std::uint32_t& chain) {
    auto first = want(words, "access", "an acl");
    if (!first) return;
    AccessStatement statement{.place = place, .chain = chain};
    statement.words.push_back(std::move(*first));
    while (auto word = words.next()) statement.words.push_back(std::move(*word));
    statements_.accesses.push_back(std::move(statement));
  }

  void chain(const Place& place, WordReader& words, std::uint32_t& chain) {
    auto name = want_name(words, "chain");
    if (!name) return;
    nothing_behind(words, "chain");
    const auto next = static_cast<std::uint32_t>(statements_.chains.size());
    const auto [known, is_new] = chain_of_.emplace(name->text, next);
    chain = known->second;
    if (is_new) {
      statements_.chains.push_back({place, name->text});
    } else if (chain != 0) {
      report_.error(name->place, {"chain " + in_quotes(name->text) + " is defined already, at " +
                                  report_.where(statements_.chains[chain].place)});
    }
  }

  void include(const Place&, WordReader& words, std::uint32_t& chain) {
    const auto word = want(words, "include", "a path");
    if (!word) return;
    nothing_behind(words, "include");
    if (word->text.empty()) return report_.error(word->place, {"an empty path"});
    const auto path = relative_to(report_.path(word->place.file), word->text);
    if (!is_glob(word->text)) return include_file(path, word->place, chain);
    for (const auto& match : files_.glob(path)) include_file(match, word->place, chain);
  }

  void include_file(const std::string& path, const Place& place, std::uint32_t chain) {
    if (open_.size() > deepest_include) return report_.error(place, {"includes nest more than 32 deep"});
    if (includes_ == most_includes) return report_.error(place, {"more than 10,000 includes"});
    ++includes_;
    const auto file = file_of(path);
    if (!file) return report_.error(place, {"cannot read " + in_quotes(path) + ": " + file.error()});
    const auto loop = std::ranges::find(open_, *file);
    if (loop == open_.end()) return read(*file, chain);
    std::string names;
    for (auto it = loop; it != open_.end(); ++it) names += report_.path(*it) + " includes ";
    report_.error(place, {"a cycle of includes: " + names + path});
  }

  Files& files_;
  Report& report_;
  Statements statements_;
  std::unordered_map<std::string, std::uint32_t> file_of_, chain_of_;
  std::vector<std::uint32_t> open_;  // the files being read, outermost first
  std::size_t includes_ = 0;
};

}  // namespace

std::optional<Flaw> flaw_of_name(std::string_view text, std::string_view what) {
  if (is_name(text)) return std::nullopt;
  return Flaw{"bad " + std::string{what} + ' ' + in_quotes(text), "names are made of A-Z, a-z, 0-9, '_', '.' and '-'"};
}

Statements parse_policy(Files& files, const std::string& path, Report& report) {
  return Parser{files, report}.run(path);
}

}  // namespace policymux
