namespace Culvert.Cli;

/// <summary>What the command line ends with. Numbers are part of the interface; append only. Listed in every help text and in docs/cli.md.</summary>
internal enum ExitCode
{
    /// <summary>Done; for <c>check</c>, <c>demo</c> and <c>explain</c>: every check passed, the connection is allowed.</summary>
    Ok = 0,

    /// <summary>A check failed, a step of the demo failed, or the connection is denied.</summary>
    Failed = 1,

    /// <summary>The command line could not be understood.</summary>
    Usage = 2,

    /// <summary>The agent or controller cannot be reached.</summary>
    CannotConnect = 3,

    /// <summary>A file, object or name given by the user is wrong.</summary>
    BadInput = 4,

    /// <summary>A privilege, program or kernel feature that the command needs is missing.</summary>
    Unsupported = 5,

    /// <summary>The agent, or the API server, was reached and refused or failed.</summary>
    Refused = 6,

    /// <summary><c>explain</c>: the agent that was asked does not decide; the one of another node does.</summary>
    DecidedElsewhere = 7,

    /// <summary>An error of Culvert itself.</summary>
    Internal = 70,

    /// <summary>Interrupted by Ctrl-C or SIGTERM.</summary>
    Interrupted = 130,
}
