"""nbgrader's settings: the masters are in solutions/, what students get is in notebooks/."""

c = get_config()  # noqa: F821  (given by nbgrader)

c.CourseDirectory.course_id = "saliency"
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "notebooks"
c.ClearSolutions.code_stub = {"python": "# Your code here.\nraise NotImplementedError"}
c.ClearSolutions.text_stub = "*Your answer here.*"
c.ExecutePreprocessor.timeout = 120
