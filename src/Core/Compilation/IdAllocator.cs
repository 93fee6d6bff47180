using System.Globalization;
using System.Text;

namespace Culvert.Core;

/// <summary>Gives out small numbers for names and keeps to them: a name always gets the same number, a number is never given to another name.</summary>
/// <remarks>Numbers begin at 1; 0 is free for "none". Safe for any number of threads.</remarks>
public sealed class IdAllocator
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, uint> _ids = new(StringComparer.Ordinal);
    private uint _last;

    /// <summary>Makes an allocator whose numbers begin behind one.</summary>
    /// <param name="last">It; at most 2^31 - 1.</param>
    public IdAllocator(uint last = 0)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(last, (uint)int.MaxValue);
        _last = last;
    }

    /// <summary>The highest number given out, or set aside.</summary>
    public uint Last
    {
        get
        {
            lock (_lock) return _last;
        }
    }

    /// <summary>How many names have a number.</summary>
    public int Count
    {
        get
        {
            lock (_lock) return _ids.Count;
        }
    }

    /// <summary>The number of <paramref name="name"/>; a new one when it has none yet.</summary>
    /// <exception cref="ArgumentException">The name is empty or holds a line break.</exception>
    /// <exception cref="InvalidOperationException">All 2^31 numbers have been given out.</exception>
    public uint GetOrAdd(string name)
    {
        lock (_lock)
        {
            if (_ids.TryGetValue(name, out uint id)) return id;
            if (name.Length == 0 || name.AsSpan().ContainsAny('\n', '\r')) throw new ArgumentException("A name must not be empty nor hold a line break.", nameof(name));
            if (_last >= int.MaxValue) throw new InvalidOperationException("All numbers have been given out; restart the agent without its state file.");
            _ids.Add(name, ++_last);
            return _last;
        }
    }

    /// <summary>The state as text: the last number given out, then a line for each name.</summary>
    /// <param name="reserve">So many numbers more count as given out.</param>
    public string Serialize(uint reserve = 0)
    {
        lock (_lock)
        {
            var text = new StringBuilder().Append(CultureInfo.InvariantCulture, $"{Math.Min(_last + reserve, int.MaxValue)}\n");
            foreach ((string name, uint id) in _ids.OrderBy(p => p.Value)) text.Append(CultureInfo.InvariantCulture, $"{id} {name}\n");
            return text.ToString();
        }
    }

    /// <summary>Reads what <see cref="Serialize"/> wrote.</summary>
    /// <exception cref="FormatException">The text is damaged; the message names the line.</exception>
    public static IdAllocator Parse(string text)
    {
        var allocator = new IdAllocator();
        var seen = new HashSet<uint>();
        string[] lines = text.Split('\n');
        if (lines.Length < 2 || lines[^1].Length != 0 || !TryParseId(lines[0], out allocator._last)) throw new FormatException("line 1: the last number is missing");
        for (int i = 1; i < lines.Length - 1; i++)
        {
            int space = lines[i].IndexOf(' ', StringComparison.Ordinal);
            bool valid = space > 0 && TryParseId(lines[i].AsSpan(0, space), out uint id) && id > 0 && id <= allocator._last
                && space + 1 < lines[i].Length && seen.Add(id) && allocator._ids.TryAdd(lines[i][(space + 1)..], id);
            if (!valid) throw new FormatException($"line {i + 1}: '{lines[i]}' is not a new number and name");
        }
        return allocator;
    }

    private static bool TryParseId(ReadOnlySpan<char> text, out uint id) => uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out id) && id <= int.MaxValue;
}
