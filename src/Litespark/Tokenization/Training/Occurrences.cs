namespace Litespark.Tokenization.Training;

/// <summary>
/// Lists of positions, many and mostly short, as linked lists in one pool; the entries of a list that is done with are used again.
/// </summary>
internal sealed class Occurrences
{
    /// <summary>The empty list.</summary>
    public const int Empty = -1;

    int[] positions = new int[1024];
    int[] links = new int[1024];
    int used;
    int free = Empty;

    /// <summary>Puts a position before the list <paramref name="head"/> and returns the new head.</summary>
    public int Add(int head, int position)
    {
        int entry = free;
        if (entry != Empty)
        {
            free = links[entry];
        }
        else
        {
            if (used == positions.Length)
            {
                int size = checked(2 * used);
                Array.Resize(ref positions, size);
                Array.Resize(ref links, size);
            }
            entry = used++;
        }
        positions[entry] = position;
        links[entry] = head;
        return entry;
    }

    /// <summary>Moves a list's positions into <paramref name="output"/>, ascending, and gives its entries back.</summary>
    public void Take(int head, List<int> output)
    {
        output.Clear();
        bool descending = true;
        while (head != Empty)
        {
            int position = positions[head];
            descending &= output.Count == 0 || position < output[^1];
            output.Add(position);
            int next = links[head];
            links[head] = free;
            free = head;
            head = next;
        }
        if (descending)
            output.Reverse();
        else
            output.Sort();
    }

    /// <summary>Gives a list's entries back.</summary>
    public void Release(int head)
    {
        while (head != Empty)
        {
            int next = links[head];
            links[head] = free;
            free = head;
            head = next;
        }
    }
}
