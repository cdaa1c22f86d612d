#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include <policymux/action.h>

#include "base/text.h"
#include "rule/checker.h"

namespace policymux {
namespace {

using Kind = Action::Kind;

// Our own verbs; everything else is Postfix's.
struct OwnVerb {
  std::string_view name;
  Kind kind;
  std::string_view usage;
  bool wants_text = true;
};
constexpr std::array<OwnVerb, 8> own_verbs = {{
    {"LOG", Kind::log, "LOG text"},
    {"SCORE", Kind::score, "SCORE number [tag]"},
    {"TAG", Kind::tag, "TAG name"},
    {"NOTIFY", Kind::notify, "NOTIFY target"},
    {"LEARN", Kind::learn, "LEARN what"},
    {"CHAIN", Kind::chain, "CHAIN name"},
    {"RETURN", Kind::finish, "RETURN", false},
    {"POLICY", Kind::policy, "POLICY group"},
}};

class ActionMaker {
 public:
  ActionMaker(CheckerContext& context, const ActionStatement& statement)
      : context_{context}, statement_{statement}, text_{statement.text} {
    const auto verb_end = std::min(text_.find_first_of(" \t"), text_.size());
    verb_ = text_.substr(0, verb_end);
    operand_at_ = std::min(text_.find_first_not_of(" \t", verb_end), text_.size());
    operand_ = text_.substr(operand_at_);
  }

  Action make() {
    action_.name = statement_.name.text;
    action_.place = statement_.place;
    if (text_.empty()) return std::move(action_);  // told
    const auto* own = std::ranges::find_if(own_verbs, [&](const OwnVerb& v) { return iequals(v.name, verb_); });
    if (own == own_verbs.end()) make_answer();
    else make_own(*own);
    return std::move(action_);
  }

 private:
  Place place(std::size_t offset) const { return statement_.origin.place(offset); }
  void error(std::size_t offset, Flaw flaw) { context_.report.error(place(offset), std::move(flaw)); }

  // The template of the text from `offset` on.
  Template make_text(std::size_t offset) {
    return make_template(context_, text_.substr(offset), [&](std::size_t at) { return place(offset + at); });
  }

  // --- Postfix's ----------------------------------------------------------------------------------------

  void make_answer() {
    if (verb_.find("${") != verb_.npos) return error(0, {"a verb cannot be made of ${...}"});
    action_.text = make_text(0);
    const auto checked = check_action(sample(), {.restriction_classes = context_.options.restriction_classes});
    if (!checked) return error(0, {checked.error(), own_verb_meant()});
    action_.verb = checked->verb;
    if (action_.verb == Verb::filter || action_.verb == Verb::redirect || action_.verb == Verb::bcc) {
      check_route(context_, action_.text, place(operand_at_));
    }
    if (action_.text.constant()) settle_constant(checked->text);
  }

  // The action with something harmless for each ${...}. Of routes those come from tables, whose entries look
  // like routes; a header may be all that a test found. What comes of it is checked again when it is made.
  std::string sample() const {
    const bool is_address = iequals(verb_, "REDIRECT") || iequals(verb_, "BCC");
    const std::string_view filling = is_address ? "x@example.org" : iequals(verb_, "FILTER") ? "smtp:x" : "x";
    const bool is_header = iequals(verb_, "PREPEND");
    std::string out;
    for (const auto& part : action_.text.parts) {
      const auto* literal = std::get_if<Template::Literal>(&part);
      if (literal != nullptr) out += literal->text;
      else out += is_header && out.size() == operand_at_ ? "X-Name: x" : filling;
    }
    return out;
  }

  // What is sent is known now: say so where it is not what was written.
  void settle_constant(const std::string& sent) {
    const auto written = *action_.text.constant();
    if (!is_utf8(written)) {
      context_.report.warning(place(0), {"this text is not UTF-8: what is not is sent as '?'"});
    } else if (sent.size() < written.size() && action_.verb != Verb::dunno) {
      context_.report.warning(place(sent.size()), {"this text is too long for Postfix: it is cut here"});
    }
    action_.text.parts.assign(1, Template::Literal{sent});
  }

  std::string own_verb_meant() const {
    std::array<std::string_view, own_verbs.size()> names;
    std::ranges::transform(own_verbs, names.begin(), &OwnVerb::name);
    const auto meant = nearest(to_upper(verb_), names);
    return meant ? did_you_mean(*meant) : std::string{};
  }

  // --- ours ---------------------------------------------------------------------------------------------

  void make_own(const OwnVerb& own) {
    if (action_.name == "default") {
      return error(0, {"the action 'default' must be one of Postfix's, and " + std::string{own.name} + " is ours"});
    }
    if (own.wants_text == operand_.empty()) {
      const auto what = operand_.empty() ? " without a text" : " takes no text";
      return error(operand_at_, {std::string{own.name} + what, usage(own)});
    }
    switch (own.kind) {
      case Kind::log: action_.text = make_text(operand_at_); break;
      case Kind::score: return make_score(own);
      case Kind::tag: return make_tag(own);
      case Kind::chain: return make_chain(own);
      case Kind::policy: return make_policy(own);
      case Kind::notify:
        action_.text = make_text(operand_at_);
        action_.built_in = false;
        context_.warn_not_built_in("NOTIFY", place(0), "it does nothing");
        break;
      case Kind::learn:
        action_.text = make_text(operand_at_);
        ask(QuestionKind::learn, own, "it does nothing");
        break;
      case Kind::answer: case Kind::finish: break;
    }
    action_.kind = own.kind;
  }

  static std::string usage(const OwnVerb& own) { return "write: " + std::string{own.usage}; }

  // The words of TEXT, if there are at most so many.
  std::optional<std::vector<std::string_view>> words(const OwnVerb& own, std::size_t most) {
    auto list = split_words(operand_);
    if (list.size() <= most) return list;
    const auto extra = static_cast<std::size_t>(list[most].data() - text_.data());
    error(extra, {"nothing may follow here, but there is " + in_quotes(list[most]), usage(own)});
    return std::nullopt;
  }

  void make_score(const OwnVerb& own) {
    const auto list = words(own, 2);
    if (!list) return;
    const auto score = parse_thousandths(list->front());
    if (!score) {
      return error(operand_at_,
                   {"bad number " + in_quotes(list->front()), "a decimal with at most three places, as in -1.5"});
    }
    action_.score = *score;
    action_.kind = own.kind;
    if (list->size() == 2) set_tag(list->back());
  }

  void make_tag(const OwnVerb& own) {
    const auto list = words(own, 1);
    if (!list) return;
    action_.kind = own.kind;
    set_tag(list->front());
  }

  void set_tag(std::string_view tag) {
    action_.tag = tag;
    if (auto flaw = flaw_of_name(tag, "tag")) {
      error(static_cast<std::size_t>(tag.data() - text_.data()), *std::move(flaw));
    }
  }

  // Without its chain it is left a harmless answer.
  void make_chain(const OwnVerb& own) {
    const auto list = words(own, 1);
    if (!list) return;
    const auto chain = context_.chains.find(list->front());
    if (!chain) {
      return error(operand_at_, {"unknown chain " + in_quotes(list->front()), context_.chains.hint(list->front())});
    }
    action_.chain = *chain;
    action_.kind = own.kind;
  }

  void make_policy(const OwnVerb& own) {
    const auto list = words(own, 1);
    if (!list) return;
    context_.check_listed(context_.options.groups, "group", list->front(), {.place = place(operand_at_)});
    action_.text.parts.assign(1, Template::Literal{std::string{operand_}});
    ask(QuestionKind::policy, own, "such lines go on to the next");
    action_.kind = own.kind;
  }

  void ask(QuestionKind kind, const OwnVerb& own, std::string_view consequence) {
    const auto values = split_words(operand_);
    action_.definition = std::make_shared<const Definition>(
        Definition{.kind = kind, .values = {values.begin(), values.end()}});
    action_.built_in = context_.check_built_in(kind, own.name, place(0), consequence);
  }

  CheckerContext& context_;
  const ActionStatement& statement_;
  std::string_view text_, verb_, operand_;
  std::size_t operand_at_ = 0;
  Action action_{};
};

}  // namespace

void define_action(CheckerContext& context, const ActionStatement& statement) {
  auto action = ActionMaker{context, statement}.make();
  auto& actions = context.policy.actions;
  const auto [number, is_new] = context.actions.add(statement.name.text);
  if (is_new) return actions.push_back(std::move(action));
  context.report.error(statement.name.place, {"action " + in_quotes(statement.name.text) + " is defined already, at " +
                                              context.report.where(actions[number].place)});
}

}  // namespace policymux
