namespace Culvert.Cli.Installation;

/// <summary>A step of <c>culvert install</c>, <c>upgrade</c> or <c>uninstall</c>; with <c>-o json</c> one document on a line.</summary>
/// <param name="Event"><c>applied</c>, <c>waiting</c>, <c>ready</c>, <c>removed</c>, <c>kept</c>, <c>warning</c> or <c>done</c>.</param>
/// <param name="Message">In words.</param>
internal sealed record InstallEvent(string Event, string Message);
