#include "rule/value_file.h"

#include "rule/source.h"
#include "rule/table.h"
#include "rule/value_files.h"
#include "unit/rule/load_helper.h"

namespace policymux {
namespace {

using Lines = std::vector<std::pair<int, std::string>>;

TextPiece piece(std::string_view text) { return {text.begin(), text.end()}; }

// Files with signatures, which count how often lists are read.
class SignedFiles final : public Files {
 public:
  explicit SignedFiles(MemoryFiles::Texts texts) : files{std::move(texts)} {}
  Result<std::string, std::string> read(const std::string& path) override { return files.read(path); }
  Result<ListText, std::string> read_list(const std::string& path) override {
    auto text = Files::read_list(path);
    if (text) text->signature = signature(path);
    return text;
  }
  std::optional<Signature> signature(const std::string& path) override {
    return Signature{.size = files.texts[path].size(), .changed = versions[path]};
  }
  std::vector<std::string> glob(const std::string& pattern) override { return files.glob(pattern); }
  void change(const std::string& path, std::string text) {
    files.texts[path] = std::move(text);
    ++versions[path];
  }

  MemoryFiles files;
  std::map<std::string, std::int64_t> versions;
};

Policy load(SignedFiles& files, const LoadOptions& options) {
  auto loaded = load_policy(files, "policy.conf", options);
  INFO(told(loaded.diagnostics));
  REQUIRE(loaded.policy);
  return *std::move(loaded.policy);
}

}  // namespace

TEST_CASE("the values of a list are counted by line across its pieces") {
  ValueFile file{"/l", {.pieces = {piece("\xef\xbb\xbf# one\n two\t\r\n\n"), piece("three\n"),
                                   piece("\xef\xbb\xbf""five")}}};
  const Lines all{{2, "two"}, {4, "three"}, {5, "\xef\xbb\xbf""five"}};
  Lines seen;
  const auto see = [&](int line, std::string_view value) { seen.emplace_back(line, value); };
  file.for_each(see);
  CHECK(seen == all);
  seen.clear();
  file.drain(see);
  CHECK(seen == all);
  CHECK_FALSE(file.has_text());
  CHECK(file.text_size() == 3 + 6 + 7 + 1 + 6 + 7);
}

TEST_CASE("a list that has not changed is neither read nor indexed again") {
  const std::string text =
      "acl a sender match=domain /l\nacl b recipient match=domain /l\nacl c sender match=suffix /l\n"
      "acl d sender /patterns\nacl e size /sizes\naccess a\naccess b\naccess c\naccess d\naccess e\n";
  SignedFiles files{{{"policy.conf", text}, {"/l", "x.test\n"}, {"/patterns", "^x\n"}, {"/sizes", "5\n"}}};
  const auto first = load(files, {.keep_texts = false});
  CHECK(files.files.reads ==
        std::map<std::string, int>{{"policy.conf", 1}, {"/l", 1}, {"/patterns", 1}, {"/sizes", 1}});

  const auto second = load(files, {.lists = first.lists, .keep_texts = false});
  CHECK(files.files.reads["/l"] == 1);
  CHECK(files.files.reads["/patterns"] == 1);
  CHECK(files.files.reads["/sizes"] == 1);
  for (const auto way : {Way::domain, Way::suffix}) {
    CHECK(first.lists[0]->index({.way = way}) == second.lists[0]->index({.way = way}));
  }
  CHECK(compile(second).operator*()->lists == second.lists);

  files.change("/l", "y.test\n");
  const auto third = load(files, {.lists = second.lists, .keep_texts = false});
  CHECK(files.files.reads["/l"] == 2);
  CHECK(files.files.reads["/patterns"] == 1);
  CHECK(third.lists[0]->index({.way = Way::domain}) != second.lists[0]->index({.way = Way::domain}));

  // Asked in one more way, it must be read, but what was made of it serves on.
  files.files.texts["policy.conf"] += "acl f sender match=exact /l\naccess f\n";
  const auto fourth = load(files, {.lists = third.lists, .keep_texts = false});
  CHECK(files.files.reads["/l"] == 3);
  CHECK(fourth.lists[0]->index({.way = Way::domain}) == third.lists[0]->index({.way = Way::domain}));
}

TEST_CASE("the text of a list is kept only where values must be seen again") {
  const std::string text = "acl a sender match=domain /l\nacl b sender match=suffix /l\nacl c sender /p\n"
                           "access a\naccess b\naccess c\n";
  SignedFiles files{{{"policy.conf", text}, {"/l", "x.test\n"}, {"/p", "^x\n"}}};
  const auto kept = load(files, {});
  CHECK(kept.lists[0]->has_text());
  const auto lean = load(files, {.keep_texts = false});
  CHECK_FALSE(lean.lists[0]->has_text());
  CHECK(lean.lists[0]->size() == 1);
  CHECK(lean.lists[1]->has_text());  // patterns join those of policy.conf in each new table
}

TEST_CASE("whoever waits is told how much of a long list is done") {
  std::string list;
  for (int i = 0; i < 10'000; ++i) list += "x.test\n";
  SignedFiles files{{{"policy.conf", "acl a sender match=domain /l\naccess a\n"}, {"/l", list}}};
  std::vector<int> percents;
  const auto policy = load(files, {.progress = [&](const std::string& path, int percent) {
    CHECK(path == "/l");
    percents.push_back(percent);
  }});
  CHECK(std::is_sorted(percents.begin(), percents.end()));
  CHECK(percents.size() >= 95);
  CHECK(percents.size() <= 100);
  CHECK(percents.back() <= 100);
}

}  // namespace policymux
