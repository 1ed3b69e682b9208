using Litespark.Graphs;
using Litespark.Graphs.Ops;
using Litespark.Planning;

namespace Litespark.Tests.Planning;

/// <summary>
/// Runs a plan symbolically: every 4-byte cell of both arenas holds a tag that says which element of which value was last
/// written there; every call must find exactly the elements that it reads. Views, concatenations and copies hold the
/// elements that they were made of.
/// </summary>
internal sealed class PlanSimulator
{
    /// <summary>Of a cell that the plan has not touched: fine for sources, an error for anything else.</summary>
    static (int, long) Untouched => default;

    readonly StepProgram program;
    readonly StepPlan plan;
    readonly Dictionary<ArenaKind, (int Value, long Element)[]> arenas;

    PlanSimulator(StepProgram program, StepPlan plan)
    {
        this.program = program;
        this.plan = plan;
        arenas = new()
        {
            [ArenaKind.Persistent] = new (int, long)[program.Layout.Bytes / 4],
            [ArenaKind.Transient] = new (int, long)[plan.TransientBytes / 4],
        };
    }

    /// <summary>Runs all calls of a plan.</summary>
    public static void Check(StepProgram program, StepPlan plan)
    {
        var simulator = new PlanSimulator(program, plan);
        for (int i = 0; i < plan.Calls.Count; i++)
        {
            KernelCall call = plan.Calls[i];
            foreach (Operand input in call.Inputs) simulator.Read(call, input);
            CheckAliases(call);
            for (int output = 0; output < call.Outputs.Count; output++) simulator.Write(call, call.Outputs[output]);
            foreach (int index in call.Op.MutatedInputs) simulator.Mutate(call.Inputs[index], i);
        }
    }

    void Read(KernelCall call, Operand operand)
    {
        (int, long)[] arena = arenas[operand.Arena];
        for (int row = 0; row < operand.Rows; row++)
            for (int column = 0; column < operand.Columns; column++)
            {
                (int, long) found = arena[Cell(operand, row, column)], wanted = Origin(operand.Value, row, column);
                if (found != wanted) Assert.Fail($"{plan.Name}: {call.Node} reads {operand.Value} [{row}, {column}] and finds {found}, not {wanted}");
            }
    }

    void Write(KernelCall call, Operand operand)
    {
        if (operand.Arena == ArenaKind.Persistent)
        {
            PersistentTensor tensor = program.Layout.Tensors.Values.First(tensor => tensor.Offset <= operand.Offset && operand.Offset < tensor.Offset + tensor.Bytes);
            Assert.True(tensor.Category is MemoryCategory.Gradients or MemoryCategory.Exchange, $"{call.Node} writes to {tensor.Name}");
            Assert.True(operand.Offset + ((operand.Rows - 1L) * operand.Stride + operand.Columns) * 4 <= tensor.Offset + tensor.Bytes, $"{call.Node} writes past {tensor.Name}");
        }

        // A copy's destination may be a part of a larger value.
        Value written = call.Op is Copy ? call.Node.Inputs[0] : operand.Value;
        (int, long)[] arena = arenas[operand.Arena];
        for (int row = 0; row < operand.Rows; row++)
            for (int column = 0; column < operand.Columns; column++) arena[Cell(operand, row, column)] = Origin(written, row, column);
    }

    /// <summary>Whatever a call changes in place must not be read again as what it was.</summary>
    void Mutate(Operand operand, int call)
    {
        for (int row = 0; row < operand.Rows; row++)
            for (int column = 0; column < operand.Columns; column++) arenas[operand.Arena][Cell(operand, row, column)] = (-1, call);
    }

    /// <summary>An output shares memory with an operand only where the op says so, and with no other output.</summary>
    static void CheckAliases(KernelCall call)
    {
        for (int output = 0; output < call.Outputs.Count; output++)
        {
            Operand y = call.Outputs[output];
            int inPlace = call.Op.InPlaceInput(output), addend = call.Op.Addends.IndexOf(output) is >= 0 and int k ? call.Node.OperandCount + k : -1;
            if (addend >= 0 && call.Op.AddendMustAlias(output)) Assert.True(SamePlace(y, call.Inputs[addend]), $"{call.Node}: the sum is not where its addend is");
            for (int input = 0; input < call.Inputs.Count; input++)
            {
                Operand x = call.Inputs[input];
                if (!Overlap(x, y)) continue;
                bool allowed = input == addend || input == inPlace || (inPlace >= 0 && x.Value == call.Inputs[inPlace].Value);
                Assert.True(allowed && SamePlace(x, y), $"{call.Node}: {y.Value} overwrites {x.Value}");
            }

            for (int other = 0; other < output; other++) Assert.False(Overlap(y, call.Outputs[other]), $"{call.Node}: two results in one place");
        }
    }

    static bool SamePlace(Operand a, Operand b) => (a.Arena, a.Offset, a.Rows, a.Columns) == (b.Arena, b.Offset, b.Rows, b.Columns) && (a.Stride == b.Stride || a.Rows == 1);

    static bool Overlap(Operand a, Operand b)
    {
        if (a.Arena != b.Arena || a.Offset >= End(b) || b.Offset >= End(a)) return false;
        if (a.Stride == b.Stride)
        {
            (long rows, long columns) = Math.DivRem((b.Offset - a.Offset) / 4, a.Stride);
            if (columns < 0) (rows, columns) = (rows - 1, columns + a.Stride);
            return Intersect(a, b, rows, columns) || Intersect(a, b, rows + 1, columns - a.Stride);
        }

        var cells = new HashSet<long>();
        for (int row = 0; row < a.Rows; row++)
            for (int column = 0; column < a.Columns; column++) cells.Add(Cell(a, row, column));
        for (int row = 0; row < b.Rows; row++)
            for (int column = 0; column < b.Columns; column++)
                if (cells.Contains(Cell(b, row, column))) return true;
        return false;
    }

    /// <summary>Whether two rectangles of one grid share a cell; b lies <paramref name="rows"/> and <paramref name="columns"/> from a.</summary>
    static bool Intersect(Operand a, Operand b, long rows, long columns)
        => rows < a.Rows && rows + b.Rows > 0 && columns < a.Columns && columns + b.Columns > 0;

    static long End(Operand operand) => operand.Offset + ((operand.Rows - 1L) * operand.Stride + operand.Columns) * 4;

    static long Cell(Operand operand, int row, int column) => operand.Offset / 4 + (long)row * operand.Stride + column;

    /// <summary>The tag of an element: what it was when it was made.</summary>
    static (int Value, long Element) Origin(Value value, int row, int column)
    {
        while (true)
        {
            switch (value.Producer)
            {
                case null:
                    return Untouched;
                case { Op: Slice slice } node:
                    if (slice.Axis == 0) row += slice.Start;
                    else column += slice.Start;
                    value = node.Inputs[0];
                    break;
                case { Op: Copy } node:
                    value = node.Inputs[0];
                    break;
                case { Op: Concat concat } node:
                    foreach (Value part in node.Inputs)
                    {
                        value = part;
                        int length = concat.Axis == 0 ? part.Shape.Rows : part.Shape.Columns;
                        if ((concat.Axis == 0 ? row : column) < length) break;
                        if (concat.Axis == 0) row -= length;
                        else column -= length;
                    }

                    break;
                default:
                    return (value.Id + 1, (long)row * value.Shape.Columns + column);
            }
        }
    }
}
