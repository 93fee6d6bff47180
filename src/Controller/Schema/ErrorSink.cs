using Culvert.Controller.Objects;

namespace Culvert.Controller.Schema;

/// <summary>Collects the errors of one object.</summary>
internal sealed class ErrorSink(ObjectOrigin origin)
{
    private readonly List<(int Line, string Field, string Reason)> _errors = [];

    /// <summary>The object the errors are about, as far as it is known.</summary>
    public string Object { get; set; } = "";

    public bool HasErrors => _errors.Count > 0;

    public IEnumerable<SourceError> Errors => _errors.Select(e => new SourceError(origin.Place, e.Line, Object, e.Field, e.Reason));

    /// <summary>Adds one. The lines of an API object's text are nobody's.</summary>
    public void Add(int line, string field, string reason) => _errors.Add((origin is FileOrigin ? line : 0, field, reason));
}
