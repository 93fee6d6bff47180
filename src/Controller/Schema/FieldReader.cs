using Culvert.Controller.Documents;

namespace Culvert.Controller.Schema;

/// <summary>Reads the fields of one mapping, strictly: every field that was not asked for is an error. Errors are collected, never thrown.</summary>
internal sealed partial class FieldReader(MapNode map, string path, ErrorSink errors)
{
    /// <summary>What is said of a field that is none begins so.</summary>
    public const string UnknownField = "unknown field";

    // Of a few the first look takes longer than all that come.
    private const int MostToSearch = 16;

    private readonly HashSet<string> _asked = new(StringComparer.Ordinal);
    private Dictionary<string, MapNode.Entry>? _entries;

    public int Line => map.Line;

    public string Path => path;

    /// <summary>Whether what is not known is passed over: fields, and values that an API server has let in and that a mesh has no use for.</summary>
    public bool IsLenient => errors.IsLenient;

    /// <summary>How many errors of the whole object have been found so far.</summary>
    public int ErrorCount => errors.Count;

    /// <summary>Whether the field is there, with a value or without, which reading it reports.</summary>
    public bool Has(string field)
    {
        _asked.Add(field);
        return Find(field)?.Value is not null;
    }

    /// <summary>Reports an error on a field.</summary>
    public void Fail(string field, string reason) => errors.Add(LineOf(field), PathOf(field), reason);

    /// <summary>Tells what of a field is not supported, where the object is in force all the same.</summary>
    public void Note(string field, string reason) => errors.Note(LineOf(field), PathOf(field), reason);

    /// <summary>Accepts fields that are part of the schema and mean nothing here.</summary>
    public void Ignore(params ReadOnlySpan<string> fields)
    {
        foreach (string field in fields) _asked.Add(field);
    }

    /// <summary>Reports the fields that nobody asked for. Call last.</summary>
    public void Done()
    {
        if (IsLenient) return;
        foreach (MapNode.Entry entry in map.Entries.Where(e => !_asked.Contains(e.Key)))
        {
            string? near = _asked.FirstOrDefault(a => string.Equals(a, entry.Key, StringComparison.OrdinalIgnoreCase));
            errors.Add(entry.Line, PathOf(entry.Key), near is not null ? $"{UnknownField}; did you mean '{near}'?" : $"{UnknownField}{Known()}");
        }
    }

    // Of metadata, and of kinds that are not the project's own, many fields are known that mean nothing here.
    private string Known() => path == "metadata" || _asked.Count is 0 or > 16 ? "" : $"; known are {string.Join(", ", _asked.Order(StringComparer.Ordinal))}";

    /// <summary>A nested mapping; null when it is absent or something else, which is reported.</summary>
    public FieldReader? Map(string field, bool required = false)
    {
        DocumentNode? value = Get(field);
        if (value is MapNode nested) return new(nested, PathOf(field), errors);
        if (value is not null) Fail(field, $"must be a mapping, not {value.Describe()}");
        else if (required) Require(field);
        return null;
    }

    /// <summary>The mappings of a list; an empty list or one with other elements is reported, and null where it is not said that it means none.</summary>
    public IEnumerable<FieldReader> Maps(string field, bool mayBeEmpty = false, bool mayBeNull = false)
    {
        var readers = new List<FieldReader>();
        int index = 0;
        foreach (DocumentNode item in Items(field, mayBeEmpty, mayBeNull))
        {
            string itemPath = $"{PathOf(field)}[{index++}]";
            if (item is MapNode nested) readers.Add(new(nested, itemPath, errors));
            else errors.Add(item.Line, itemPath, $"must be a mapping, not {item.Describe()}");
        }
        return readers;
    }

    /// <summary>The value, or null when the field is absent. A key with nothing under it is a mistake more often than "absent", and one that opens doors
    /// where absent means "any": it is reported.</summary>
    private DocumentNode? Get(string field)
    {
        _asked.Add(field);
        DocumentNode? value = Find(field)?.Value;
        if (value is not ScalarNode { IsNull: true }) return value;
        Fail(field, DocumentRules.NoValue);
        return null;
    }

    private void Require(string field)
    {
        if (!Has(field)) Fail(field, "is required");
    }

    private IReadOnlyList<DocumentNode> Items(string field, bool mayBeEmpty, bool mayBeNull = false)
    {
        if (mayBeNull && Find(field)?.Value is ScalarNode { IsNull: true })
        {
            _asked.Add(field);
            return [];
        }
        DocumentNode? value = Get(field);
        if (value is null) return [];
        if (value is not ListNode list)
        {
            Fail(field, $"must be a list, not {value.Describe()}");
            return [];
        }
        if (list.Items.Count == 0 && !mayBeEmpty) Fail(field, "must not be empty; leave the field out instead");
        return list.Items;
    }

    private int LineOf(string field) => Find(field)?.Line ?? map.Line;

    /// <summary>An entry; the first, where JSON has several. Mappings are as large as whoever has sent them likes, so that each of very many must not be searched for among all.</summary>
    private MapNode.Entry? Find(string field)
    {
        if (map.Entries.Count <= MostToSearch) return map.Entries.FirstOrDefault(e => e.Key == field);
        if (_entries is null)
        {
            _entries = new(map.Entries.Count, StringComparer.Ordinal);
            foreach (MapNode.Entry entry in map.Entries) _entries.TryAdd(entry.Key, entry);
        }
        return _entries.GetValueOrDefault(field);
    }

    private string PathOf(string field) => path.Length == 0 ? field : field.Length == 0 ? path : $"{path}.{field}";
}
