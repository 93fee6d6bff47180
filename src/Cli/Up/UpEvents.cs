using System.Collections.Immutable;
using Culvert.Cli.Output;
using Culvert.Controller;

namespace Culvert.Cli.Up;

/// <summary>Tells the user what happens to the objects, one line for each event. Thread-safe.</summary>
internal sealed class UpEvents(Printer printer, TextWriter output, string folder, TimeProvider time)
{
    private readonly Lock _lock = new();
    private ImmutableArray<SourceError> _errors = [];
    private ulong _applied;
    private ulong _rejected;

    /// <summary>Tells of errors that are new, and of those that are mended.</summary>
    public void Objects(ImmutableArray<SourceError> errors)
    {
        lock (_lock)
        {
            foreach (var error in errors.Except(_errors))
            {
                Write(About("object-error", error, "not in force: "));
            }

            foreach (var error in _errors.Except(errors))
            {
                Write(About("object-mended", error, "mended: "));
            }

            _errors = errors;
        }
    }

    /// <summary>Tells which version of the objects a node has in force, or why it refused one.</summary>
    public void Node(NodeStatus status)
    {
        lock (_lock)
        {
            if (status.AckedVersion > _applied)
            {
                _applied = status.AckedVersion;
                Write(new("applied", time.GetUtcNow(), $"version {_applied} is in force on node {status.Node}") { Node = status.Node, Version = _applied });
            }

            if (status.NackedVersion > _rejected)
            {
                _rejected = status.NackedVersion;
                var what = status.NackResource.Length > 0 ? $" for {status.NackResource}" : "";
                Write(new("rejected", time.GetUtcNow(), $"node {status.Node} refused version {_rejected}{what}: {status.NackReason}; the one before stays in force")
                {
                    Node = status.Node,
                    Version = _rejected,
                });
            }
        }
    }

    /// <summary>Tells of anything else.</summary>
    public void Say(string kind, string message)
    {
        lock (_lock)
        {
            Write(new(kind, time.GetUtcNow(), message));
        }
    }

    private UpReport About(string kind, SourceError error, string prefix)
    {
        // The source names its files relative to the folder, and the folder itself by its full path.
        var located = error with { File = Path.Combine(folder, error.File) };
        return new(kind, time.GetUtcNow(), prefix + located)
        {
            File = located.File,
            Line = error.Line > 0 ? error.Line : null,
            Object = error.Object.Length > 0 ? error.Object : null,
            Field = error.Field.Length > 0 ? error.Field : null,
        };
    }

    private void Write(UpReport report) => printer.PrintLine(report, json => json.UpReport, _ =>
    {
        output.WriteLine(report.Message);
        output.Flush();
    });
}
