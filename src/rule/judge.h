// What others answer, in the policy's terms.
#pragma once

#include "rule/facts.h"
#include "rule/table.h"

namespace policymux {

// What an asker's answer means to the policy: where the question's definition has patterns, they judge its first field.
//   Cost  without patterns none.
Answer judged(const Table& table, QuestionId question, Answer answer);

}  // namespace policymux
