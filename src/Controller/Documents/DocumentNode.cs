namespace Culvert.Controller.Documents;

/// <summary>A value of a document with the line it begins on. It does not tell what the document was written in: the readers of YAML and JSON fill the same tree.</summary>
/// <param name="Line">Line in the file, from 1.</param>
internal abstract record DocumentNode(int Line)
{
    /// <summary>What the value is, for messages.</summary>
    public abstract string Describe();
}
