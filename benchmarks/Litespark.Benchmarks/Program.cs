using System.CommandLine;
using Litespark.Benchmarks.Verbs;

namespace Litespark.Benchmarks;

/// <summary>The benchmark harness: what each verb measures is told in benchmarks/README.md.</summary>
internal static class Program
{
    /// <summary>Exit codes.</summary>
    internal const int Done = 0, Failed = 1, UserError = 2;

    static int Main(string[] args)
    {
        var root = new RootCommand("Benchmarks of Litespark.")
        {
            new GemmVerb(),
            new SparseVerb(), new SparseStepVerb(),
            new AttentionVerb(),
            new MemoryVerb(),
            new ThreadsVerb(),
            new PeerVerb(),
            new PassesVerb(),
            new VersusVerb(),
            new InferenceVerb(),
            new StudyVerb(),
            new PlanVerb(),
            new OpenBlasVerb(),
            new CheckVerb(),
            new MicroVerb(),
        };
        ParseResult result = root.Parse(args.Length == 0 ? ["--help"] : args);
        try
        {
            int code = result.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
            return result.Errors.Count > 0 ? UserError : code;
        }
        catch (UserErrorException wrong)
        {
            Console.Error.WriteLine(wrong.Message);
            return UserError;
        }
        catch (RunFailureException failure)
        {
            Console.Error.WriteLine(failure.Message);
            return Failed;
        }
    }
}
