namespace Culvert.Controller.Yaml;

/// <summary>A value of a YAML document with the line it begins on.</summary>
/// <param name="Line">Line in the file, from 1.</param>
internal abstract record YamlValue(int Line)
{
    /// <summary>What the value is, for messages.</summary>
    public abstract string Describe();
}
