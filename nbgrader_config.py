"""nbgrader's settings: the masters are in solutions/, what students get is in notebooks/."""

from course_utils.grading.nbgrader_parts import configure

c = get_config()  # noqa: F821  (given by nbgrader)

c.CourseDirectory.course_id = "saliency"
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "notebooks"
c.ClearSolutions.code_stub = {"python": "# Your code here.\nraise NotImplementedError"}
c.ClearSolutions.text_stub = "*Your answer here.*"
configure(c)  # submissions are rebuilt, run in a box, and judged outside it
