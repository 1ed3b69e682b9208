using System.CommandLine;
using Litespark.Cli.Commands;
using Litespark.Cli.Handlers;

namespace Litespark.Cli;

/// <summary>Parses, runs, and turns whatever goes wrong into a message and an exit code.</summary>
internal static class CommandLine
{
    static readonly ParserConfiguration Parsing = new()
    {
        EnablePosixBundling = false,
        ResponseFileTokenReplacer = null, // a prompt may start with @
    };

    /// <summary>Every verb. A new one is one line here.</summary>
    static HelpfulCommand Root() => new("litespark", "LLM training that wastes neither time nor energy.",
        "litespark train                      the default recipe: about three minutes",
        "litespark doctor                     what this machine offers",
        "litespark recipe show default        a recipe with every key explained")
    {
        TrainCommand.Create(TrainHandler.Run),
        PlanCommand.Create(PlanHandler.Run),
        BenchCommand.Create(BenchHandler.Run),
        DataCommand.Create(DataHandler.Prepare, DataHandler.Inspect),
        TokenizerCommand.Create(TokenizerHandler.Train, TokenizerHandler.Encode, TokenizerHandler.Decode),
        ExportCommand.Create(ExportHandler.Run),
        GenerateCommand.Create(GenerateHandler.Run),
        EvalCommand.Create(EvalHandler.Run),
        RecipeCommand.Create(),
        DoctorCommand.Create(),
        SelfTestCommand.Create(SelfTestHandler.Run),
        EnergyCommand.Create(
            EnergyProfileHandler.Run, EnergyPlanHandler.Run,
            EnergyCompareCommand.Create(EnergyCompareHandler.Run), EnergyAdviseCommand.Create(EnergyAdviseHandler.Run), EnergyClocksCommand.Create(EnergyClocksHandler.Run),
            EnergyServeCommand.Create(EnergyServeHandler.Run)),
        SparsityCommand.Create(SparsityHandler.Show),
        new VersionOption("--version"),
    };

    /// <summary>Runs one command line and returns the exit code.</summary>
    public static int Run(IReadOnlyList<string> args, TextWriter output, TextWriter error) => Run(Root(), args, output, error);

    internal static int Run(Command root, IReadOnlyList<string> args, TextWriter output, TextWriter error)
    {
        // Alone, the program explains itself, though nothing was done.
        if (args.Count == 0)
        {
            Run(root, ["--help"], error, error);
            return ExitCodes.UserError;
        }
        ParseResult result = root.Parse(args, Parsing);
        if (result.Errors.Count > 0)
        {
            error.WriteLine(ParseErrors.Describe(result));
            return ExitCodes.UserError;
        }
        try
        {
            return result.Invoke(new InvocationConfiguration
            {
                Output = output,
                Error = error,
                EnableDefaultExceptionHandler = false,
                ProcessTerminationTimeout = null, // StopSignals does this
            });
        }
        catch (UserErrorException wrong)
        {
            error.WriteLine(wrong.Message);
            if (IsDebugging) error.WriteLine(wrong.ToString());
            return ExitCodes.UserError;
        }
        catch (RunFailureException failure)
        {
            error.WriteLine(failure.Message);
            if (IsDebugging) error.WriteLine(failure.ToString());
            return ExitCodes.Failed;
        }
        catch (OperationCanceledException)
        {
            error.WriteLine("Interrupted; nothing half-made is left. The same command starts again.");
            return ExitCodes.Interrupted;
        }
        catch (Exception failure)
        {
            error.WriteLine($"failed: {failure.Message.ReplaceLineEndings(" ")} ({failure.GetType().Name})");
            error.WriteLine(IsDebugging ? failure.ToString() : "Set LITESPARK_DEBUG=1 for the stack trace.");
            return ExitCodes.Failed;
        }
    }

    static bool IsDebugging => Environment.GetEnvironmentVariable("LITESPARK_DEBUG") is { Length: > 0 } and not "0";
}
