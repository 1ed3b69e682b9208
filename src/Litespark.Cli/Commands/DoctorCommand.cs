using System.CommandLine;
using Litespark.Cli.Doctor;

namespace Litespark.Cli.Commands;

/// <summary><c>doctor [--json]</c>: what this machine offers, what is missing, why, and what to do.</summary>
internal static class DoctorCommand
{
    public static Command Create() => Create(DoctorChecks.All);

    internal static Command Create(IReadOnlyList<IDoctorCheck> checks)
    {
        var command = new HelpfulCommand("doctor", "What this machine offers, what is missing, why, and what to do.", "litespark doctor", "litespark doctor --json");
        Option<bool> json = Options.Json();
        command.Add(json);
        command.Handle(json, (_, context) =>
        {
            DoctorFinding[] findings = [.. checks.SelectMany(check => check.Run())];
            if (!context.Json) Print(context.Out, findings);
            context.Result(writer =>
            {
                writer.WriteStartArray("checks");
                foreach (DoctorFinding finding in findings)
                {
                    writer.WriteStartObject();
                    writer.WriteString("name", finding.Name);
                    writer.WriteBoolean("found", finding.Found);
                    writer.WriteString("detail", finding.Detail);
                    writer.WriteString("to_do", finding.ToDo);
                    writer.WriteEndObject();
                }
                writer.WriteEndArray();
            });
            return ExitCodes.Done; // nothing here is needed: what is missing has a replacement, which the line names
        });
        return command;
    }

    static void Print(TextWriter output, DoctorFinding[] findings)
    {
        int width = findings.Max(finding => finding.Name.Length);
        foreach (DoctorFinding finding in findings)
        {
            output.WriteLine($"{(finding.Found ? "found  " : "missing")}  {finding.Name.PadRight(width)}  {finding.Detail}");
            if (finding.ToDo is { } toDo) output.WriteLine($"{new string(' ', 9 + width + 2)}{toDo}");
        }
    }
}
