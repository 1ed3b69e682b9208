using System.CommandLine;
using System.Text.Json;
using Litespark.Cli;
using Litespark.Cli.Commands;
using Litespark.Cli.Doctor;

namespace Litespark.Tests.Cli;

public class CommandLineTests
{
    sealed record Outcome(int Code, string Out, string Error)
    {
        /// <summary>The JSON on stdout, which must be one line and nothing else.</summary>
        public JsonElement Json()
        {
            Assert.Single(Out.TrimEnd('\n').Split('\n'));
            return JsonDocument.Parse(Out).RootElement;
        }
    }

    static Outcome Run(params string[] args)
    {
        using var output = new StringWriter { NewLine = "\n" };
        using var error = new StringWriter { NewLine = "\n" };
        int code = CommandLine.Run(args, output, error);
        return new Outcome(code, output.ToString(), error.ToString());
    }

    static Outcome Run(Command verb, params string[] args)
    {
        using var output = new StringWriter { NewLine = "\n" };
        using var error = new StringWriter { NewLine = "\n" };
        int code = CommandLine.Run(new HelpfulCommand("litespark", "") { verb }, args, output, error);
        return new Outcome(code, output.ToString(), error.ToString());
    }

    [Fact]
    public void Recipes_are_listed()
    {
        Outcome text = Run("recipe", "list"), json = Run("recipe", "list", "--json");
        Assert.Equal(0, text.Code);
        Assert.Contains("llama-3.2-1b  Llama 3.2 1B", text.Out);
        Assert.Equal("default", json.Json().GetProperty("recipes")[0].GetProperty("name").GetString());
        Assert.Empty(json.Error);
    }

    [Fact]
    public void A_recipe_is_shown_with_its_overrides()
    {
        Outcome text = Run("recipe", "show", "llama-15m", "--set", "training.max_steps=7", "--set=training.seed=9");
        Assert.Equal(0, text.Code);
        Assert.Contains("  max_steps: 7\n", text.Out);
        Assert.Contains("  seed: 9\n", text.Out);
        JsonElement recipe = Run("recipe", "show", "--json").Json().GetProperty("recipe");
        Assert.Equal("llama-1m", recipe.GetProperty("model").GetProperty("preset").GetString());
        Assert.Equal(JsonValueKind.Null, recipe.GetProperty("engine").GetProperty("passes").GetProperty("fused_qkv").ValueKind);
    }

    [Fact]
    public void The_schema_is_printed_as_json()
    {
        Assert.Equal("Litespark recipe", Run("recipe", "schema", "--json").Json().GetProperty("title").GetString());
        Assert.Equal("Litespark recipe", JsonDocument.Parse(Run("recipe", "schema").Out).RootElement.GetProperty("title").GetString());
    }

    [Fact]
    public void The_version_is_printed() => Assert.Matches(@"^\d+\.\d+\.\d+\n$", Run("--version").Out);

    [Theory]
    [InlineData("recpie", "unknown command 'recpie' for 'litespark'; did you mean 'recipe'?")]
    [InlineData("recipe shw", "unknown command 'shw' for 'litespark recipe'; did you mean 'show'?")]
    [InlineData("recipe", "'litespark recipe' needs a command: list, show, schema.")]
    [InlineData("doctor --jsn", "unknown option '--jsn' for 'litespark doctor'; did you mean '--json'?")]
    [InlineData("recipe show --sett a=b", "unknown option '--sett' for 'litespark recipe show'; did you mean '--set'?")]
    [InlineData("recipe show default extra", "'litespark recipe show' does not know what to do with 'extra'")]
    [InlineData("train --out ", "--out must be a path, found ''")]
    [InlineData("generate --checkpoint ", "--checkpoint must be a path, found ''")]
    [InlineData("eval --checkpoint ", "--checkpoint must be a path, found ''")]
    [InlineData("export --out x --checkpoint ", "--checkpoint must be a path, found ''")]
    [InlineData("sparsity show ", "CHECKPOINT must be a path, found ''")]
    [InlineData("recipe show --set", "required argument missing for option: '--set'")]
    public void A_wrong_command_line_is_a_user_error_with_the_nearest_word(string line, string expected)
    {
        Outcome outcome = Run(line.Split(' '));
        Assert.Equal(2, outcome.Code);
        Assert.Empty(outcome.Out);
        Assert.Contains(expected, outcome.Error);
        Assert.Contains("--help'.", outcome.Error);
        Assert.Equal(2, outcome.Error.TrimEnd('\n').Split('\n').Length);
    }

    [Theory]
    [InlineData("recipe show defualt", "Did you mean 'default'?")]
    [InlineData("recipe show --set training.max_step=1", "did you mean 'training.max_steps'?")]
    [InlineData("recipe show --json --set training.max_steps", "expected key=value")]
    [InlineData("recipe show --set training.max_steps=", "found nothing")]
    [InlineData("recipe show --set engine.device=cpus", "did you mean 'cpu'?\n")]
    [InlineData("recipe show --set energy.region=germny", "; did you mean 'germany'? The table has ")]
    [InlineData("recipe show --set energy.region=nowhere", "'nowhere' is not in the table, which has ")]
    [InlineData("plan --set model.model_type=qwen3", "--set model.model_type=qwen3: model.model_type: llama-1m is a model of type llama and cannot be one of type qwen3: the norm over Q and K is missing")]
    [InlineData("plan --set model.model_type=qwen3", "set model.preset: null")]
    public void A_wrong_recipe_is_a_user_error_without_a_stack_trace(string line, string expected)
    {
        Outcome outcome = Run(line.Split(' '));
        Assert.Equal(2, outcome.Code);
        Assert.Empty(outcome.Out);
        Assert.Contains(expected, outcome.Error);
        Assert.DoesNotContain("   at ", outcome.Error);
    }

    /// <summary>A folder where a file is wanted, and a file where a folder is.</summary>
    [Fact]
    public void What_is_there_but_of_another_kind_is_called_by_its_name()
    {
        string folder = AppContext.BaseDirectory, file = Path.Combine(folder, "Litespark.Tests.dll");
        Assert.Contains($"{folder}: is a folder; a recipe is a file", Run("train", folder).Error);
        Outcome generate = Run("generate", "--checkpoint", file);
        Assert.Equal(2, generate.Code);
        Assert.Contains($"{file}: is a file; the folder of a run", generate.Error);
        Outcome plan = Run("energy", "plan", Path.Combine(folder, "Litespark.Tests.runtimeconfig.json"));
        Assert.Equal(2, plan.Code);
        Assert.DoesNotContain("LineNumber", plan.Error);
    }

    [Fact]
    public void Alone_the_program_explains_itself_on_stderr()
    {
        Outcome outcome = Run();
        Assert.Equal(2, outcome.Code);
        Assert.Empty(outcome.Out);
        Assert.Contains("Commands:", outcome.Error);
    }

    [Fact]
    public void Help_ends_with_examples()
    {
        Outcome outcome = Run("recipe", "--help");
        Assert.Equal(0, outcome.Code);
        Assert.Contains("Examples:\n  litespark recipe list", outcome.Out.ReplaceLineEndings("\n"));
    }

    [Fact]
    public void A_failure_is_one_line_and_a_hint()
    {
        Outcome outcome = Run(PlanCommand.Create((_, _) => throw new InvalidOperationException("it\nbroke")), "plan");
        Assert.Equal(1, outcome.Code);
        Assert.Equal("failed: it broke (InvalidOperationException)\nSet LITESPARK_DEBUG=1 for the stack trace.\n", outcome.Error);
    }

    [Fact]
    public void With_json_only_the_result_goes_to_stdout()
    {
        Command verb = PlanCommand.Create((_, context) =>
        {
            context.Progress.WriteLine("working");
            context.Out.WriteLine("for people");
            context.Result(writer => writer.WriteNumber("parameters", 3));
            return ExitCodes.Done;
        });
        Outcome outcome = Run(verb, "plan", "--json");
        Assert.Equal("{\"parameters\":3}\n", outcome.Out);
        Assert.Equal("working\nfor people\n", outcome.Error);
        Assert.Equal("for people\n", Run(verb, "plan").Out);
    }

    [Fact]
    public void Doctor_reports_every_check()
    {
        Outcome text = Run("doctor"), json = Run("doctor", "--json");
        Assert.Equal(0, text.Code);
        string[] names = [.. json.Json().GetProperty("checks").EnumerateArray().Select(check => check.GetProperty("name").GetString()!)];
        string[] wanted = ["litespark", "operating system", ".NET", "cpu", "threads", "vectors", "memory", "disk", "libzstd", "energy: rapl", "NVIDIA driver"];
        Assert.Empty(wanted.Except(names));
        Assert.All(names, name => Assert.Contains(name, text.Out));
        Assert.All(json.Json().GetProperty("checks").EnumerateArray(), check => Assert.NotEmpty(check.GetProperty("detail").GetString()!));
        foreach (JsonElement check in json.Json().GetProperty("checks").EnumerateArray())
            if (!check.GetProperty("found").GetBoolean()) Assert.NotNull(check.GetProperty("to_do").GetString());
    }

    [Fact]
    public void Doctor_says_what_is_missing_why_and_what_to_do()
    {
        Outcome outcome = Run(DoctorCommand.Create([new Fake()]), "doctor");
        Assert.Equal("missing  a thing  it fell off\n                  Put it back.\n", outcome.Out);
    }

    sealed class Fake : IDoctorCheck
    {
        public IEnumerable<DoctorFinding> Run() => [new DoctorFinding("a thing", false, "it fell off", "Put it back.")];
    }
}
