using Culvert.Cli.Output;

namespace Culvert.Cli.Installation;

/// <summary>Tells people, or a program, how far an installation is.</summary>
internal sealed class InstallProgress(Printer printer, TextWriter output)
{
    private InstallEvent? _last;

    /// <summary>Tells of a step; the same is not said twice in a row.</summary>
    public void Tell(string @event, string message)
    {
        var told = new InstallEvent(@event, message);
        if (told == _last) return;
        _last = told;
        printer.PrintLine(told, json => json.InstallEvent, _ => output.WriteLine($"{told.Event,-8} {told.Message}"));
        output.Flush();
    }
}
