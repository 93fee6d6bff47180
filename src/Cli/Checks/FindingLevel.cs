namespace Culvert.Cli.Checks;

/// <summary>How much a finding matters.</summary>
internal enum FindingLevel
{
    /// <summary>As it should be.</summary>
    Ok,

    /// <summary>Works, with a limitation or a risk.</summary>
    Warning,

    /// <summary>The agent will not work.</summary>
    Error,
}
