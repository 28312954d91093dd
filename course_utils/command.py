"""The `course` command: what authors and instructors do, one word each."""

from __future__ import annotations

import argparse
import sys


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        return options.run(options) or 0
    except KeyboardInterrupt:
        print(f"course {options.command}: ended by you", file=sys.stderr)
        return 130
    except (ValueError, TypeError, OSError, RuntimeError) as error:
        print(f"course {options.command}: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="course", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    build = commands.add_parser("build", help="execute and store the masters in solutions/")
    build.add_argument("assignments", nargs="*", help="e.g. 01_gradients; all by default")
    build.set_defaults(run=_build)

    release = commands.add_parser("release", help="generate notebooks/ from solutions/")
    release.add_argument("assignments", nargs="*", help="e.g. 01_gradients; all by default")
    release.add_argument(
        "--bundle", metavar="FILE", help="then put what students get in a zip file"
    )
    release.set_defaults(run=_release)

    demo = commands.add_parser("demo", help="play the instructor's loop on a generated class")
    demo.add_argument("assignment", nargs="?", default="01_gradients")
    demo.add_argument("--folder", default="build/demo", help="where the sample course is made")
    demo.add_argument("--students", type=int, default=40, help="how many; 40 are of every kind")
    demo.set_defaults(run=_demo)

    grade = commands.add_parser("grade", help="grade what was handed in; go on where it ended")
    grade.add_argument("assignment", help="e.g. 01_gradients")
    grade.add_argument("--students", nargs="+", metavar="ID", help="only these; all by default")
    grade.add_argument("--workers", type=int, help="kernels at once; as many as processors")
    grade.add_argument("--scheduler", metavar="ADDRESS", help="of a Dask cluster that executes")
    grade.add_argument("--force", action="store_true", help="execute again what is graded")
    grade.add_argument("--folder", default=".", help="the course's folder")
    grade.set_defaults(run=_grade)

    collect = commands.add_parser(
        "collect", help="put an LMS's archive of submissions in submitted/"
    )
    collect.add_argument("assignment", help="e.g. 01_gradients")
    collect.add_argument("archive", help="the zip file that Moodle, Canvas or Brightspace exported")
    collect.add_argument("--zone", default="UTC", help="time zone of its clock, e.g. Europe/Berlin")
    collect.add_argument("--folder", default=".", help="the course's folder, with roster.csv")
    collect.set_defaults(run=_collect)

    doctor = commands.add_parser("doctor", help="say what is wrong with a notebook, and repair it")
    doctor.add_argument("file", help="a student's notebook")
    doctor.add_argument("--assignment", help="e.g. 01_gradients; found by itself if not given")
    doctor.add_argument("--repair", metavar="FILE", help="write a repaired copy here")
    doctor.set_defaults(run=_doctor)

    train = commands.add_parser("train", help="make a network's weights and card again")
    train.add_argument("network", help="e.g. garments_cnn")
    train.add_argument("--data", help="folder with Fashion-MNIST's IDX files; else downloaded")
    train.add_argument("--output", default="build/weights", help="where the weights go")
    train.add_argument("--precision", choices=("bfloat16", "float32"), default="bfloat16")
    train.set_defaults(run=_train)

    export = commands.add_parser("export", help="fill marks into a table that an LMS exported")
    export.add_argument("assignment", help="e.g. 01_gradients")
    export.add_argument("system", choices=("moodle", "canvas", "brightspace"))
    export.add_argument("table", help="the CSV file that the system exported")
    export.add_argument("output", help="the CSV file to import there")
    export.add_argument("--column", help="the assignment's name there, if it is another one")
    export.add_argument("--folder", default=".", help="the course's folder")
    export.set_defaults(run=_export)

    report = commands.add_parser("report", help="a page on what the class got right and wrong")
    report.add_argument("assignment", help="e.g. 01_gradients")
    report.add_argument("--csv", action="store_true", help="write a table of all answers as well")
    report.add_argument("--folder", default=".", help="the course's folder")
    report.add_argument(
        "--output", help="where it goes; reports/ in the course's folder if not given"
    )
    report.set_defaults(run=_report)

    coverage = commands.add_parser("coverage", help="write COVERAGE.md from the notebooks' tags")
    coverage.set_defaults(run=_coverage)
    return parser


def _build(options: argparse.Namespace) -> None:
    from course_utils.authoring.build import assignments, build

    for assignment in options.assignments or assignments():
        build(assignment)
        print(f"built solutions/{assignment}")


def _release(options: argparse.Namespace) -> None:
    from course_utils.authoring.build import assignments
    from course_utils.grading.release import release

    for assignment in options.assignments or assignments():
        release(assignment)
        print(f"released notebooks/{assignment}")
    if options.bundle:
        from pathlib import Path

        from course_utils.grading.bundle import bundle

        print(f"wrote {options.bundle}: {len(bundle(Path(), Path(options.bundle)))} files")


def _demo(options: argparse.Namespace) -> int:
    from pathlib import Path

    from course_utils.grading.demo import fresh, play

    fresh(Path(options.folder))
    differing = play(Path(options.folder), Path(), options.assignment, options.students)
    return min(differing, 1)


def _grade(options: argparse.Namespace) -> int:
    from pathlib import Path

    from course_utils.grading.grade import GRADED, grade, summary

    endings = grade(
        Path(options.folder),
        options.assignment,
        students=options.students,
        workers_at_once=options.workers,
        scheduler=options.scheduler,
        force=options.force,
        progress=True,
    )
    print(summary(endings))
    return int(any(ending.state != GRADED for ending in endings))


def _collect(options: argparse.Namespace) -> int:
    from pathlib import Path

    from course_utils.grading.collect import COLLECTED, collect, table

    done = collect(
        Path(options.archive),
        options.assignment,
        Path(options.folder),
        zone=options.zone,
        progress=True,
    )
    print(table(done))
    return int(any(one.state != COLLECTED for one in done))


def _doctor(options: argparse.Namespace) -> int:
    from pathlib import Path

    from course_utils.authoring.build import assignments
    from course_utils.grading.doctor import doctor, find_released

    path, folder = Path(options.file), Path("notebooks")
    known = [options.assignment] if options.assignment else assignments(folder)
    released = find_released(path, known, folder)
    return 0 if doctor(path, released, options.repair and Path(options.repair)) else 1


def _train(options: argparse.Namespace) -> None:
    from course_utils.training import train

    weights = train(options.network, options.data, options.output, precision=options.precision)
    print(f"wrote {weights} and its card")


def _export(options: argparse.Namespace) -> None:
    from pathlib import Path

    from course_utils.grading.course import configuration
    from course_utils.grading.export import export_marks, gradebook_marks

    gradebook = configuration(Path(options.folder).resolve()).CourseDirectory.db_url
    marks = gradebook_marks(gradebook, options.assignment)
    name = options.column or options.assignment
    done = export_marks(marks, name, options.system, Path(options.table), Path(options.output))
    print(f"{done.written} marks written to {options.output}.")
    for student, why in done.without_mark:
        print(f"no mark for {student}: {why}")


def _report(options: argparse.Namespace) -> None:
    from pathlib import Path

    from course_utils.grading.class_results import class_results
    from course_utils.grading.report import FOLDER, write_report

    results = class_results(Path(options.folder), options.assignment)
    folder = Path(options.output) if options.output else Path(options.folder) / FOLDER
    for path in write_report(results, folder, table=options.csv):
        print(f"wrote {path}")


def _coverage(options: argparse.Namespace) -> None:
    from course_utils.authoring.coverage import write_coverage

    write_coverage()


if __name__ == "__main__":
    raise SystemExit(main())
