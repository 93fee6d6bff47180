using System.Collections.Immutable;
using Culvert.Cli.Output;
using Culvert.Controller.Nodes;
using Culvert.Controller.Schema;
using Culvert.Core;

namespace Culvert.Cli.Up;

/// <summary>Tells the user what happens to the objects, one line for each event. Thread-safe.</summary>
internal sealed class UpEvents(Printer printer, TextWriter output, string folder, TimeProvider time)
{
    private readonly Lock _lock = new();
    private ImmutableArray<SourceError> _errors = [];
    private ImmutableArray<SourceError> _warnings = [];
    private ulong _applied;
    private ulong _rejected;

    /// <summary>Tells of errors that are new, and of those that are mended. One that only moved to another line is neither.</summary>
    /// <param name="errors">All errors there are now.</param>
    /// <param name="instead">What is in force in place of what an error is about.</param>
    public void Objects(ImmutableArray<SourceError> errors, Func<SourceError, InForceInstead> instead)
    {
        lock (_lock)
        {
            var changes = SourceErrorChanges.Between(_errors, errors);
            foreach (var error in changes.New)
            {
                var inForce = instead(error);
                var prefix = inForce switch
                {
                    InForceInstead.LastGood => "not in force, the last good version stays: ",
                    InForceInstead.Part => "in force as far as it could be read, what could not allows nothing: ",
                    _ => "not in force: ",
                };
                Write(About("object-error", error, prefix) with { LastGoodInForce = inForce == InForceInstead.LastGood, InForceInPart = inForce == InForceInstead.Part });
            }

            foreach (var error in changes.Mended)
            {
                Write(About("object-mended", error, "mended: "));
            }

            _errors = errors;
        }
    }

    /// <summary>Tells of warnings about objects in force that are new, and of those that no longer hold.</summary>
    /// <param name="warnings">All warnings there are now.</param>
    public void Warnings(ImmutableArray<SourceError> warnings)
    {
        lock (_lock)
        {
            var changes = SourceErrorChanges.Between(_warnings, warnings);
            foreach (var warning in changes.New)
            {
                Write(About("object-warning", warning, "in force, but is it meant so? "));
            }

            foreach (var warning in changes.Gone)
            {
                Write(About("object-mended", warning, "no longer so: "));
            }

            _warnings = warnings;
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
                var inForce = status.AckedVersion > 0 ? FormattableString.Invariant($"version {status.AckedVersion} stays in force") : "no version since the start is in force";
                Write(new("rejected", time.GetUtcNow(), $"node {status.Node} refused version {_rejected}{what}: {status.NackReason}; {inForce}")
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
        var located = error with { Place = Path.Combine(folder, error.Place) };
        return new(kind, time.GetUtcNow(), prefix + located)
        {
            File = located.Place,
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
