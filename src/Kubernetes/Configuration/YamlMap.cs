namespace Culvert.Kubernetes.Configuration;

/// <summary>A mapping, asked by who knows what should be in it.</summary>
/// <param name="Place">Where it is.</param>
/// <param name="Entries">Its values by key.</param>
internal sealed record YamlMap(YamlPlace Place, IReadOnlyDictionary<string, YamlValue> Entries) : YamlValue(Place)
{
    public string? String(string key) => Find(key) switch
    {
        null => null,
        YamlScalar scalar => scalar.Text,
        var other => throw other.Place.Wrong("a string was expected"),
    };

    public string RequiredString(string key) => String(key) is { Length: > 0 } text ? text : throw Wrong(key, "is missing");

    public bool Bool(string key) => Find(key) switch
    {
        null => false,
        YamlScalar { Text: "true" or "True" or "TRUE", IsPlain: true } => true,
        YamlScalar { Text: "false" or "False" or "FALSE", IsPlain: true } => false,
        var other => throw other.Place.Wrong("true or false was expected"),
    };

    public YamlMap? Map(string key) => Find(key) switch
    {
        null => null,
        YamlMap map => map,
        var other => throw other.Place.Wrong("a mapping was expected"),
    };

    public IReadOnlyList<YamlValue> List(string key) => Find(key) switch
    {
        null => [],
        YamlList list => list.Items,
        var other => throw other.Place.Wrong("a list was expected"),
    };

    public IReadOnlyList<string> Strings(string key) =>
        [.. List(key).Select(v => v is YamlScalar { IsNull: false } scalar ? scalar.Text : throw v.Place.Wrong("a string was expected"))];

    public IReadOnlyList<YamlMap> Maps(string key) => [.. List(key).Select(v => v as YamlMap ?? throw v.Place.Wrong("a mapping was expected"))];

    public ConfigurationException Wrong(string key, string reason, Exception? inner = null) =>
        (Entries.TryGetValue(key, out YamlValue? value) ? value.Place : Place.Below(key, Place.Line)).Wrong(reason, inner);

    private YamlValue? Find(string key) => Entries.TryGetValue(key, out YamlValue? value) && value is not YamlScalar { IsNull: true } ? value : null;
}
