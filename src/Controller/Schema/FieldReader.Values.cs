using System.Collections.Immutable;
using Culvert.Controller.Documents;
using Culvert.Core;

namespace Culvert.Controller.Schema;

/// <content>Single values and lists of values.</content>
internal sealed partial class FieldReader
{
    /// <summary>Parses a text; returns what is wrong, or null.</summary>
    public delegate string? Parse<T>(string text, out T value);

    /// <summary>A string, checked by <paramref name="check"/>, which returns what is wrong or null.</summary>
    public string? String(string field, Func<string, string?>? check = null, bool required = false)
    {
        DocumentNode? value = Get(field);
        if (value is null)
        {
            if (required) Require(field);
            return null;
        }
        string? error = value is ScalarNode { IsNull: false } scalar ? check?.Invoke(scalar.Text) : null; // what quotes would not mend is said at once
        if (value is not ScalarNode { IsString: true }) error ??= NotAString(value);
        if (error is null) return ((ScalarNode)value).Text;
        Fail(field, error);
        return null;
    }

    /// <summary>A string parsed by <paramref name="parse"/>.</summary>
    public T? Parsed<T>(string field, Parse<T> parse, T? fallback = default, bool required = false)
    {
        T? parsed = fallback;
        return String(field, text => parse(text, out parsed), required) is null ? fallback : parsed;
    }

    /// <summary>One of the words of an enum (<see cref="EnumWords"/>).</summary>
    public T? Enum<T>(string field, bool required = false)
        where T : struct, Enum
    {
        if (String(field, required: required) is not { } text) return null;
        if (EnumWords.Find<T>(text) is { } value) return value;
        Fail(field, EnumWords.Find<T>(text.ToUpperInvariant()) is null ? $"'{text}' is not one of {string.Join(", ", EnumWords.All<T>())}" : $"'{text}' is not in upper case; write {text.ToUpperInvariant()}");
        return null;
    }

    public bool? Bool(string field)
    {
        DocumentNode? value = Get(field);
        if (value is null) return null;
        if ((value as ScalarNode)?.AsBool() is { } result) return result;
        Fail(field, $"must be true or false, not {value.Describe()}");
        return null;
    }

    public long? Integer(string field, long least, long most, bool required = false)
    {
        DocumentNode? value = Get(field);
        if (value is null)
        {
            if (required) Require(field);
            return null;
        }
        if ((value as ScalarNode)?.AsInteger() is { } result && result >= least && result <= most) return result;
        Fail(field, value is ScalarNode scalar && scalar.AsInteger() is not null ? $"{scalar.Text} is not within {least}..{most}" : $"must be a whole number, not {value.Describe()}");
        return null;
    }

    public double? Number(string field, double least, double most)
    {
        DocumentNode? value = Get(field);
        if (value is null) return null;
        if ((value as ScalarNode)?.AsNumber() is { } result && result >= least && result <= most) return result;
        Fail(field, $"must be a number within {least}..{most}");
        return null;
    }

    public ushort? Port(string field, bool required = false) => (ushort?)Integer(field, 1, ushort.MaxValue, required);

    /// <summary>The scalar as it stands, for fields that take a number or a name.</summary>
    public ScalarNode? Scalar(string field)
    {
        DocumentNode? value = Get(field);
        if (value is not null and not ScalarNode) Fail(field, $"must be a number or a name, not {value.Describe()}");
        return value as ScalarNode;
    }

    /// <summary>A list of strings, each parsed by <paramref name="parse"/>; elements that are wrong are reported and left out.</summary>
    public EquatableArray<T> List<T>(string field, Parse<T> parse, bool mayBeEmpty = false)
    {
        var result = new List<T>();
        int index = 0;
        foreach (DocumentNode item in Items(field, mayBeEmpty))
        {
            T? value = default;
            string? error = item is ScalarNode { IsString: true } scalar ? parse(scalar.Text, out value) : NotAString(item);
            if (error is null) result.Add(value!);
            else errors.Add(item.Line, $"{PathOf(field)}[{index}]", error);
            index++;
        }
        return result.ToEquatableArray();
    }

    /// <summary>A list of ports.</summary>
    public EquatableArray<ushort> Ports(string field)
    {
        var result = new List<ushort>();
        int index = 0;
        foreach (DocumentNode item in Items(field, mayBeEmpty: false))
        {
            if ((item as ScalarNode)?.AsInteger() is >= 1 and <= ushort.MaxValue and var port) result.Add((ushort)port);
            else errors.Add(item.Line, $"{PathOf(field)}[{index}]", item is ScalarNode s ? $"{s.Quote()} is not a port; a number within 1..65535 is allowed" : $"must be a port, not {item.Describe()}");
            index++;
        }
        return result.ToEquatableArray();
    }

    /// <summary>A list of whole numbers.</summary>
    public EquatableArray<int> Integers(string field, int least, int most)
    {
        var result = new List<int>();
        int index = 0;
        foreach (DocumentNode item in Items(field, mayBeEmpty: true))
        {
            if ((item as ScalarNode)?.AsInteger() is { } number && number >= least && number <= most) result.Add((int)number);
            else errors.Add(item.Line, $"{PathOf(field)}[{index}]", item is ScalarNode s ? $"{s.Quote()} is not a whole number within {least}..{most}" : $"must be a whole number, not {item.Describe()}");
            index++;
        }
        return result.ToEquatableArray();
    }

    /// <summary>A list of ports with an optional protocol: <c>80</c>, <c>53/udp</c>.</summary>
    public EquatableArray<TransportPort> TransportPorts(string field)
    {
        var result = new List<TransportPort>();
        HashSet<TransportPort> seen = [];
        int index = 0;
        foreach (DocumentNode item in Items(field, mayBeEmpty: false))
        {
            TransportPort port = default;
            string? error = item is not ScalarNode scalar ? $"must be a port, not {item.Describe()}"
                : !TransportPort.TryParse(scalar.Text, out port, out string? wrong) ? wrong
                : !seen.Add(port) ? $"port {port} is there twice"
                : null;
            if (error is null) result.Add(port);
            else errors.Add(item.Line, $"{PathOf(field)}[{index}]", error);
            index++;
        }
        return result.ToEquatableArray();
    }

    /// <summary>A mapping of strings to strings.</summary>
    public ImmutableSortedDictionary<string, string> Strings(string field)
    {
        var result = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        if (Get(field) is not { } value) return result.ToImmutable();
        if (value is not MapNode entries)
        {
            Fail(field, $"must be a mapping, not {value.Describe()}");
            return result.ToImmutable();
        }
        AddStrings(entries, PathOf(field), result);
        return result.ToImmutable();
    }

    /// <summary>A mapping of strings to strings, or a list of such, where each key may be there once.</summary>
    public ImmutableSortedDictionary<string, string> StringsOfMaps(string field)
    {
        if (Find(field)?.Value is not ListNode list) return Strings(field);
        _asked.Add(field);
        var result = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        for (int i = 0; i < list.Items.Count; i++)
        {
            string at = $"{PathOf(field)}[{i}]";
            if (list.Items[i] is MapNode entries) AddStrings(entries, at, result);
            else errors.Add(list.Items[i].Line, at, $"must be a mapping, not {list.Items[i].Describe()}");
        }
        return result.ToImmutable();
    }

    private void AddStrings(MapNode entries, string at, ImmutableSortedDictionary<string, string>.Builder result)
    {
        HashSet<string> own = new(StringComparer.Ordinal);
        foreach (MapNode.Entry entry in entries.Entries)
        {
            if (entry.Value is not ScalarNode { IsString: true } scalar) errors.Add(entry.Line, $"{at}.{entry.Key}", NotAString(entry.Value));
            else if (own.Add(entry.Key) && result.ContainsKey(entry.Key)) errors.Add(entry.Line, $"{at}.{entry.Key}", "is there twice");
            else result[entry.Key] = scalar.Text;
        }
    }

    private static string NotAString(DocumentNode value) =>
        value is ScalarNode { IsNull: false } scalar ? $"must be a string; write \"{scalar.Text}\"" : $"must be a string, not {value.Describe()}";
}
