// LANGUAGE.md, "Lines" and "Statements": each test quotes the rule that it tries.

#include <string>

#include "load_helper.h"

using namespace policymux;

TEST_CASE("Statement words, types and options are lower case, verbs any case") {
  CHECK(told_of("Acl a sender x\n") == "1:1: error: unknown statement 'Acl' (did you mean 'acl'?)\n");
  CHECK(told_of("acl a Sender x\n") == "1:7: error: unknown acl type 'Sender' (did you mean 'sender'?)\n");
  CHECK(told_of("acl a sender MATCH=exact x\n") == "1:14: error: unknown option 'MATCH' (did you mean 'match'?)\n");
  const auto policy = load("action a Reject no\naction b rEtUrN\naction c log x\n");
  CHECK(policy.actions[0].text.constant() == "Reject no");
  CHECK(policy.actions[1].kind == Action::Kind::finish);
  CHECK(policy.actions[2].kind == Action::Kind::log);
}

TEST_CASE("names are [A-Za-z0-9_.-]+, case-sensitive, and may begin with a digit") {
  const auto policy =
      load("acl 10mb size 10240000\nacl A sender x\nacl a sender y\nacl a.b-c_d sender z\naccess 10mb A !a a.b-c_d\n");
  CHECK(policy.acls.size() == 4);
  CHECK(policy.lines[0].terms == std::vector<Term>{{0, false}, {1, false}, {2, true}, {3, false}});
  CHECK(told_of("acl a/b sender x\n") ==
        "1:5: error: bad name 'a/b' (names are made of A-Z, a-z, 0-9, '_', '.' and '-')\n");
}

TEST_CASE("Every mistake of a file is reported in one run") {
  const auto loaded = try_policy("acl a sendr x\nfoo\naction b REJCT\naccess c\nacl d size x y\n");
  CHECK(count_errors(loaded.diagnostics) == 6);
  CHECK_FALSE(loaded.policy);
}

TEST_CASE("reported as path:line:column: error: text, with the line and a caret under the place, and a hint") {
  const auto loaded = try_policy("\nacl a size 1\nacl good\n    sendr x\n");
  REQUIRE(loaded.diagnostics.size() == 1);
  CHECK(render(loaded.diagnostics[0]) ==
        "policy.conf:4:5: error: unknown acl type 'sendr' (did you mean 'sender'?)\n"
        "      sendr x\n"
        "      ^\n");
}

TEST_CASE("A file with a mistake never takes effect, and one that cannot be read is a mistake") {
  CHECK_FALSE(try_policy("access nope\n").policy);
  MemoryFiles files;
  const auto loaded = load_policy(files, "policy.conf", {});
  CHECK_FALSE(loaded.policy);
  CHECK(told(loaded.diagnostics) == " error: cannot read: No such file or directory\n");
}

TEST_CASE(
    "Names are resolved after the whole file and its includes are read, so order matters only among access lines") {
  const auto policy =
      load("access a deny\naction deny REJECT ${acl.a}\nacl b any a\naccess b\nacl a sender match=exact x\n");
  CHECK(policy.lines[0].terms[0].acl == 1);
  CHECK(policy.lines[0].action == 0u);
  CHECK(policy.lines[1].terms[0].acl == 0);
  CHECK_FALSE(policy.lines[1].action);
}

TEST_CASE("acl: VALUEs are alternatives. The same NAME again, with the same type and options, adds values") {
  const auto policy = load("acl a sender match=exact x y\nacl a sender match=exact z\n");
  REQUIRE(policy.acls.size() == 1);
  CHECK(values_of(policy) == std::vector<std::string>{"x", "y", "z"});
  CHECK(policy.acls[0].place.line == 1);
}

TEST_CASE("with another type or options it is an error") {
  CHECK(told_of("acl a sender x\nacl a recipient x\n") ==
        "2:7: error: acl 'a' is of type 'sender' already, at policy.conf:1\n");
  CHECK(told_of("acl a sender x\nacl a sender on_error=match x\n") ==
        "2:5: error: acl 'a' has other options at policy.conf:1 (statements that add values repeat the options)\n");
}

TEST_CASE(
    "Before the first VALUE an unquoted `word=` is an option if the type has it, and an error with a hint when it "
    "is one edit away from one") {
  CHECK(values_of(load("acl a sender match=exact x\n")) == std::vector<std::string>{"x"});
  CHECK(told_of("acl a sender mtach=exact x\n") == "1:14: error: unknown option 'mtach' (did you mean 'match'?)\n");
}

TEST_CASE("anything else (prvs=, ^SRS0=), and anything quoted, is a VALUE, and -- ends the options") {
  struct Case { std::string words; std::vector<std::string> values; };
  const Case cases[] = {
      {"prvs= ^SRS0=", {"prvs=", "^SRS0="}}, {"\"match=exact\"", {"match=exact"}}, {"-- match=exact", {"match=exact"}},
      {"-- -- x", {"--", "x"}},              {"\"--\" x", {"--", "x"}},            {"=x", {"=x"}},
  };
  for (const auto& [words, values] : cases) {
    CAPTURE(words);
    CHECK(values_of(load("acl a sender " + words + "\n")) == values);
  }
  CHECK(std::get<TextTest>(load("acl a sender match=\"exact\" x\n").acls[0].test).match == TextMatch::exact);
}

TEST_CASE("what looks like an option behind a value is a value, and doubted") {
  const auto loaded = try_policy("acl a sender x match=exact\n");
  REQUIRE(loaded.policy);
  CHECK(values_of(*loaded.policy) == std::vector<std::string>{"x", "match=exact"});
  CHECK(
      told(loaded.diagnostics) ==
      "1:16: warning: 'match=exact' is taken as a value, not as an option (options stand before the first value; '--' "
      "before it says that you mean it)\n");
}

TEST_CASE("An empty VALUE is an error. log, stress and greylisting need no VALUE") {
  CHECK(told_of("acl a sender x \"\"\n") == "1:16: error: an empty value\n");
  CHECK(told_of("acl a sender\n") == "1:13: error: acl without a value\n");
  CHECK(try_policy("acl a log\nacl b stress\nacl c greylisting\n").policy);
}

TEST_CASE(
    "A VALUE that begins with / is a file with one value per line: trimmed, no quotes, no options, CRLF tolerated, "
    "lines that begin with # and blank lines ignored") {
  MemoryFiles files{{{"policy.conf", "acl a sender match=exact /l \"/with blank\"\n"},
                     {"/l",
                      "\xEF\xBB\xBF"
                      "one\r\n  two words \r\n\r\n# no\n  # neither\n\"quoted\"\nmatch=prefix\n;yes\nlast"},
                     {"/with blank", "x\n"}}};
  const auto loaded = load_policy(files, "policy.conf", {});
  REQUIRE(loaded.diagnostics.empty());
  const auto& lists = std::get<TextTest>(loaded.policy->acls[0].test).files;
  REQUIRE(lists.size() == 2);
  std::vector<std::pair<int, std::string>> values;
  lists[0]->for_each([&](int line, std::string_view value) { values.emplace_back(line, value); });
  CHECK(values == std::vector<std::pair<int, std::string>>{
                      {1, "one"}, {2, "two words"}, {6, "\"quoted\""}, {7, "match=prefix"}, {8, ";yes"}, {9, "last"}});
}

TEST_CASE(
    "A missing file is an error that names the acl's line, a bad line in it is an error that names both. An empty "
    "one warns") {
  CHECK(told_of("acl a sender /l\n") == "1:14: error: cannot read '/l': No such file or directory\n");
  CHECK(told_of("acl a size /l\n#--- /l\n10\nbig\n").starts_with("/l:2:1: error: "));
  CHECK(told_of("acl a size /l\n#--- /l\n10\nbig\n").find(", in a list of policy.conf:1") != std::string::npos);
  const auto empty = try_policy("acl a sender /l\n#--- /l\n# nothing\n");
  CHECK(empty.policy);
  CHECK(told(empty.diagnostics) == "1:14: warning: '/l' has no values\n");
}

TEST_CASE("a value file is read once, however many acls use it, and they share it") {
  MemoryFiles files{
      {{"policy.conf",
        "acl a sender match=exact /l\nacl b recipient match=exact /l\nacl c size /n /n\nacl d sender /no /no\n"},
       {"/l", "x\n"},
       {"/n", "1\n"}}};
  const auto loaded = load_policy(files, "policy.conf", {});
  CHECK(files.reads == std::map<std::string, int>{{"policy.conf", 1}, {"/l", 1}, {"/n", 1}, {"/no", 1}});
  MemoryFiles good{{{"policy.conf", "acl a sender match=exact /l\nacl b recipient match=exact /l\n"}, {"/l", "x\n"}}};
  const auto shared = load_policy(good, "policy.conf", {});
  CHECK(std::get<TextTest>(shared.policy->acls[0].test).files[0] ==
        std::get<TextTest>(shared.policy->acls[1].test).files[0]);
}

TEST_CASE("No action means default, which always exists: DUNNO unless redefined") {
  for (const std::string action : {"", " default"}) {
    CAPTURE(action);
    CHECK_FALSE(load("acl a sender match=exact x\naccess a" + action + "\n").lines[0].action);
  }
  CHECK(load("acl a sender match=exact x\naction default REJECT\naccess a default\n").lines[0].action == 0u);
  const std::string acl = "acl a sender match=exact x\n";
  CHECK(told_of(acl + "access default\n") == "2:8: error: 'default' is an action: this line has no acl\n");
  CHECK(told_of(acl + "access default a\n") == "2:8: error: 'default' is an action: it must be the last word\n");
  CHECK(told_of(acl + "access !default a\n") == "2:8: error: 'default' is an action: it has no opposite\n");
}

TEST_CASE("action: defined twice is an error. The action named default must be a Postfix action") {
  CHECK(told_of("action a OK\naction a OK\n") == "2:8: error: action 'a' is defined already, at policy.conf:1\n");
  CHECK(load("action x OK\naction default DUNNO\n").default_action == 1u);
  CHECK_FALSE(load("action x OK\n").default_action);
  for (const std::string verb : {"LOG x", "SCORE 1", "TAG x", "NOTIFY x", "LEARN x", "CHAIN x", "RETURN", "POLICY x"}) {
    CAPTURE(verb);
    CHECK(told_of("action default " + verb + "\n")
              .starts_with("1:16: error: the action 'default' must be one of Postfix's"));
  }
}

TEST_CASE(
    "If the last word names an action it is the action, with a warning when an acl has that name too. No action means "
    "default. A line left without an acl is an error") {
  const std::string names = "acl a sender match=exact x\nacl both sender match=exact x\naction ok OK\naction both OK\n";
  CHECK(load(names + "access a ok\n").lines[0].action == 0u);
  CHECK_FALSE(load(names + "access a\n").lines[0].action);
  CHECK(load(names + "access both a ok\n").lines[0].terms.size() == 2);
  const auto both = try_policy(names + "access a both\n");
  REQUIRE(both.policy);
  CHECK(both.policy->lines[0].action == 1u);
  CHECK(told(both.diagnostics) == "5:10: warning: 'both' is an action and an acl: taken as the action\n");
  CHECK(load(names + "access a !both\n").lines[0].terms.size() == 2);
  CHECK(told_of(names + "access ok\n") == "5:8: error: 'ok' is an action: this line has no acl\n");
  CHECK(told_of(names + "access\n") == "5:7: error: access without an acl (write: access [!]ACL... [ACTION])\n");
}

TEST_CASE("an access line is known by its text") {
  const auto policy = load("acl a sender match=exact x\naction ok OK\naccess \t a\n   ok\n");
  CHECK(policy.lines[0].text == "access a ok");
  CHECK(policy.lines[0].place.line == 3);
  CHECK(policy.where(policy.lines[0].place) == "policy.conf:3");
}

TEST_CASE("the same acl twice in a line, or with its opposite, is doubted") {
  const std::string a = "acl a sender match=exact x\nacl b sender match=exact y\n";
  CHECK(told_of(a + "access a b a\n") == "3:12: warning: acl 'a' stands here twice\n");
  CHECK(told_of(a + "access a b !a\n") == "3:12: warning: acl 'a' and its opposite: this line never matches\n");
  CHECK(told_of(a + "access a b a !a\n") == "3:14: warning: acl 'a' and its opposite: this line never matches\n");
}

TEST_CASE(
    "include: relative paths start at the including file; globs sort bytewise and may be empty, a literal path may "
    "not") {
  MemoryFiles files{{{"/etc/p/policy.conf", "include d/*.conf\ninclude none/*.conf\n"},
                     {"/etc/p/d/B.conf", "acl b sender match=exact x\n"},
                     {"/etc/p/d/a.conf", "acl a sender match=exact x\ninclude sub/c\n"},
                     {"/etc/p/d/sub/c", "acl c sender match=exact x\ninclude /abs\n"},
                     {"/abs", "acl d sender match=exact x\n"}}};
  const auto loaded = load_policy(files, "/etc/p/policy.conf", {});
  REQUIRE(loaded.policy);
  std::string names;
  for (const auto& acl : loaded.policy->acls) names += acl.name;
  CHECK(names == "bacd");
  CHECK(loaded.policy->where(loaded.policy->acls[2].place) == "/etc/p/d/sub/c:1");
  CHECK(told_of("include none.conf\n") == "1:9: error: cannot read 'none.conf': No such file or directory\n");
}

TEST_CASE("An included file starts in the includer's chain and does not change it afterwards") {
  const auto policy = load(
      "acl a sender match=exact x\naction one CHAIN one\naction two CHAIN two\naccess a one\naccess a two\n"
      "chain one\ninclude i\naccess a\n"
      "#--- i\naccess a\nchain two\naccess a\n");
  CHECK(policy.lines[2].chain == 1);
  CHECK(policy.lines[3].chain == 2);
  CHECK(policy.lines[4].chain == 1);
  CHECK(policy.chains[1].lines == std::vector<std::uint32_t>{2, 4});
}

TEST_CASE("Cycles of includes, CHAINs and combined acls are errors") {
  CHECK(told_of("include a\n#--- a\ninclude b\n#--- b\n\ninclude a\n") ==
        "b:2:9: error: a cycle of includes: a includes b includes a\n");
  CHECK(told_of("include policy.conf\n") == "1:9: error: a cycle of includes: policy.conf includes policy.conf\n");
  CHECK(told_of("acl a sender match=exact x\naction o CHAIN o\naction t CHAIN t\naccess a o\nchain o\naccess a "
                "t\nchain t\naccess a o\n") == "8:1: error: a cycle of chains: o calls t calls o\n");
  CHECK(told_of("acl a any b\nacl b none !c\nacl c all a\n") ==
        "1:1: error: a cycle of acls: a needs b needs c needs a\n");
}

TEST_CASE("includes nest 32 deep, and no more than 10,000 are followed") {
  MemoryFiles files;
  files.texts["policy.conf"] = "include 1\n";
  for (int i = 1; i <= 40; ++i) files.texts[std::to_string(i)] = "include " + std::to_string(i + 1) + "\n";
  CHECK(told(load_policy(files, "policy.conf", {}).diagnostics) == "32:1:9: error: includes nest more than 32 deep\n");

  files.texts.clear();
  files.texts["policy.conf"] = "include 1\n";
  for (int i = 1; i <= 20; ++i) {
    const auto next = "include " + std::to_string(i + 1) + "\n";
    files.texts[std::to_string(i)] = next + next;
  }
  files.texts["21"] = "";
  const auto loaded = load_policy(files, "policy.conf", {});
  CHECK_FALSE(loaded.policy);
  CHECK(loaded.diagnostics.size() < 100);
}

TEST_CASE("Names are global, chains too; chain main may be reopened") {
  const auto policy =
      load("acl a sender match=exact x\naction c CHAIN c\naccess a c\nchain c\naccess a\nchain main\naccess a\n");
  CHECK(policy.chains[0].lines == std::vector<std::uint32_t>{0, 2});
  CHECK(policy.chains[1].lines == std::vector<std::uint32_t>{1});
  CHECK(told_of("action c CHAIN c\nacl a sender match=exact x\naccess a c\nchain c\nchain main\nchain c\n") ==
        "6:7: error: chain 'c' is defined already, at policy.conf:4\n");
}

TEST_CASE("a line has at most 1,000 tests, and any, all and none have as many members") {
  const auto repeated = [](std::string_view text, int count) {
    std::string out;
    for (int i = 0; i < count; ++i) out += text;
    return out;
  };
  const std::string acls = "acl a sender match=exact x\nacl b sender match=exact y\n";
  CHECK(try_policy(acls + "access" + repeated(" a !b", 500) + " default\n").policy);
  CHECK(told_of(acls + "access" + repeated(" a", 1001) + "\n") ==
        "3:2008: error: more than 1,000 tests in one line (any, all and none combine tests)\n");
  CHECK(try_policy(acls + "acl c any" + repeated(" a b", 500) + "\naccess c\n").policy);
  CHECK(told_of(acls + "acl c any" + repeated(" a b", 500) + "\nacl c any a\naccess c\n") ==
        "4:11: error: acl 'c' combines more than 1,000 acls (any, all and none may be combined in turn)\n");
  CHECK(told_of(acls + "acl c none /members\naccess c\n#--- /members\n" + repeated("a\n", 1001)) ==
        "/members:1001:1: error: acl 'c' combines more than 1,000 acls, in a list of policy.conf:3 (any, all and none "
        "may be combined in turn)\n");
}

TEST_CASE("a request runs at most 1,000,000 lines by CHAIN calls, or as many as there are") {
  // Chains c1 to c`depth` call the next one `calls` times each; main calls c1 once. The last one has `lines` lines.
  const auto tower = [](int depth, int calls, int lines) {
    std::string text = "acl a sender match=exact x\naccess a c1\n";
    for (int i = 1; i <= depth; ++i) {
      text += "chain c" + std::to_string(i) + "\naction c" + std::to_string(i) + " CHAIN c" + std::to_string(i) + "\n";
      const auto line = i == depth ? std::string{"access a\n"} : "access a c" + std::to_string(i + 1) + "\n";
      for (int j = 0; j < (i == depth ? lines : calls); ++j) text += line;
    }
    return text;
  };
  CHECK(try_policy(tower(2, 999, 999)).policy);
  CHECK(told_of(tower(2, 1000, 1000)).starts_with(
      "5:1: error: chain 'c1' could run more than 1,000,000 access lines for one request"));
  CHECK(told_of(tower(8, 10, 10)).find("error: chain 'c3' could run more than") != std::string::npos);
  CHECK(told_of(tower(16, 1000, 1000)).find("error: chain 'c15' could run more than") != std::string::npos);
  CHECK(try_policy(tower(2, 1, 1'000'001)).policy);
  CHECK_FALSE(try_policy(tower(2, 2, 1'000'001)).policy);
}

TEST_CASE("chains nest 16 deep at most") {
  const auto nest = [](int depth) {
    std::string text = "acl a sender match=exact x\naccess a c1\n";
    for (int i = 1; i <= depth; ++i) {
      const auto name = "c" + std::to_string(i);
      text += "action " + name + " CHAIN " + name + "\nchain " + name + "\n";
      if (i < depth) text += "access a c" + std::to_string(i + 1) + "\n";
    }
    return text;
  };
  CHECK(load(nest(16)).chains.size() == 17);
  CHECK(told_of(nest(17)) == "50:1: error: chains nest more than 16 deep here, on their way from main\n");
  CHECK(count_errors(try_policy(nest(1000)).diagnostics) == 1);
}

TEST_CASE("a chain that nothing calls is doubted") {
  CHECK(told_of("chain c\n") == "1:1: warning: nothing calls chain 'c'\n");
  CHECK(told_of("action c CHAIN d\n") == "1:16: error: unknown chain 'd'\n");
  CHECK(told_of("action c CHAIN grez\nchain grey\n")
            .starts_with("1:16: error: unknown chain 'grez' (did you mean 'grey'?)\n"));
}

TEST_CASE("any, all and none nest 100 deep, and are not walked by recursion") {
  const auto nest = [](int depth) {
    std::string text = "acl a0 sender match=exact x\n";
    for (int i = 1; i <= depth; ++i) {
      const auto below = std::to_string(i - 1);
      text += "acl a" + std::to_string(i) + " any a" + below + " !a" + below + "\n";
    }
    return text;
  };
  const auto policy = load(nest(100));
  CHECK(policy.kind_of(100) == TestKind::inline_test);
  CHECK(told_of(nest(101)) == "102:1: error: any, all and none nest more than 100 deep here\n");
  CHECK(count_errors(try_policy(nest(100'000)).diagnostics) == 1);
}

TEST_CASE("diagnostics come in the order of files and lines") {
  const auto loaded = try_policy("access nope\nacl a sendr x\ninclude b\nacl b sendr x\n#--- b\nacl c sendr x\n");
  std::string places;
  for (const auto& diagnostic : loaded.diagnostics)
    places += diagnostic.what.file + ':' + std::to_string(diagnostic.what.line) + ' ';
  CHECK(places == "policy.conf:1 policy.conf:2 policy.conf:4 b:1 ");
}

TEST_CASE("a hundred thousand acls, actions and lines load, and as many mistakes among them are told") {
  std::string good, bad;
  for (int i = 0; i < 100'000; ++i) {
    const auto n = std::to_string(i);
    good += "acl a" + n + " sender user" + n + "@example.org\naction r" + n + " REJECT no " + n + "\naccess a" + n +
            " r" + n + "\n";
    bad += "acl a" + n + " sender x\naccess b" + n + "\n";
  }
  const auto policy = load(good);
  CHECK(policy.lines.size() == 100'000);
  CHECK(policy.lines.back().terms[0].acl == 99'999);
  CHECK(try_policy(bad).diagnostics.size() == 10'001);
}
