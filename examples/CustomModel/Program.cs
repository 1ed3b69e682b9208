// Trains the model of ParallelBlockModel.cs on one small batch of repeating text until it knows it by heart.
// Run: dotnet run --project examples/CustomModel
using System.Text;
using CustomModel;
using Litespark.Data;
using Litespark.Devices.Cpu;
using Litespark.Planning;
using Litespark.Training;

const int Rows = 2, Length = 48, Steps = 60;
var model = new ParallelBlockModel(Layers: 2, Width: 64, Heads: 4, Vocabulary: 256);

// A micro-batch is filled in place: here with bytes, each of which predicts the next.
byte[] text = Encoding.UTF8.GetBytes("A training step is a plan of kernels known ahead of time. Models are functions that build it, and passes make it fast. ");
using var batch = new MicroBatch(Rows, Length);
for (int i = 0; i < batch.Length; i++)
{
    batch.Tokens[i] = text[i % text.Length];
    batch.Targets[i] = text[(i + 1) % text.Length];
    batch.Positions[i] = i % Length;
    batch.DocumentStarts[i] = 0;
}

var optimizer = new OptimizerSettings { WeightDecay = 0 };
StepProgram program = ProgramBuilder.Training(model.Logits, PlanOptions.Litespark, optimizer, Rows, Length);
using var device = new CpuDevice();
using ILoadedProgram loaded = device.Load(program);
ParameterStore.Initialize(loaded, seed: 1);
var training = new TrainingStep(loaded, optimizer);
Console.WriteLine($"{program.Parameters.Count:n0} parameters, {program.TotalBytes / 1e6:0.0} MB, {program.Plans[ProgramBuilder.FirstMicroBatch].Calls.Count} kernel calls a step");
for (int step = 1; step <= Steps; step++)
{
    StepResult result = training.Run([batch], batch.CountTargets(), step, learningRate: 3e-3);
    if (step % 10 == 0 || step == 1) Console.WriteLine($"step {step,3}  loss {result.Loss:0.000}  gradient norm {result.GradientNorm:0.00}");
}
