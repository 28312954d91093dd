"""Explorers: for each lecture a picture that follows its controls. One module for each lecture."""

from course_utils.explorers.activation_maps import explore_activation_maps
from course_utils.explorers.adversarial import explore_attack
from course_utils.explorers.attention import explore_attention
from course_utils.explorers.context import explore_context
from course_utils.explorers.critique import explore_critique
from course_utils.explorers.gradients import explore_gradient
from course_utils.explorers.integrated_gradients import explore_integrated_gradients
from course_utils.explorers.smoothgrad import explore_smoothgrad

__all__ = [
    "explore_activation_maps",
    "explore_attack",
    "explore_attention",
    "explore_context",
    "explore_critique",
    "explore_gradient",
    "explore_integrated_gradients",
    "explore_smoothgrad",
]
