namespace Culvert.Controller.Yaml;

/// <summary>A document breaks a rule of this reader.</summary>
internal sealed class YamlFormatException(int line, string message) : Exception(message)
{
    /// <summary>Line within the document, from 1.</summary>
    public int Line { get; } = line;
}
