namespace Culvert.NodeAgent.Hosting.Handover;

/// <summary>What two agents of a node say to each other, a byte each, in this order. Values are part of the interface between versions: append only.</summary>
internal enum HandoverStep : byte
{
    /// <summary>The next agent: let go of the node.</summary>
    TakeOver = 1,

    /// <summary>The agent that runs: folders, sockets and the kernel are yours. What is proxied goes on here, new connections too.</summary>
    Yours = 2,

    /// <summary>The next agent: what is to be proxied can go to me.</summary>
    Ready = 3,

    /// <summary>The agent before: datagrams are not taken here any more.</summary>
    Go = 4,

    /// <summary>The next agent: it does go to me.</summary>
    Done = 5,
}
