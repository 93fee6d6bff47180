namespace Culvert.Controller.Schema;

/// <summary>Collects the errors of one object.</summary>
internal sealed class ErrorSink(string file)
{
    private readonly List<(int Line, string Field, string Reason)> _errors = [];

    public string File { get; } = file;

    /// <summary>The object the errors are about, as far as it is known.</summary>
    public string Object { get; set; } = "";

    public bool HasErrors => _errors.Count > 0;

    public IEnumerable<SourceError> Errors => _errors.Select(e => new SourceError(File, e.Line, Object, e.Field, e.Reason));

    public void Add(int line, string field, string reason) => _errors.Add((line, field, reason));
}
