namespace Culvert.Controller.Yaml;

/// <summary>A sequence.</summary>
internal sealed record YamlList(int Line, IReadOnlyList<YamlValue> Items) : YamlValue(Line)
{
    public override string Describe() => "a list";
}
