namespace Culvert.Controller.Yaml;

/// <summary>A mapping; keys are strings and unique.</summary>
internal sealed record YamlMap(int Line, IReadOnlyList<YamlMap.Entry> Entries) : YamlValue(Line)
{
    public override string Describe() => "a mapping";

    public YamlValue? Find(string key) => Entries.FirstOrDefault(e => e.Key == key)?.Value;

    /// <summary>A key with its value.</summary>
    internal sealed record Entry(string Key, int Line, YamlValue Value);
}
