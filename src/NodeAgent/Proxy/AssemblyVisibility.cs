using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("Culvert.Datapath.Tests")]
[assembly: InternalsVisibleTo("Culvert.NodeAgent.Tests")]
[assembly: InternalsVisibleTo("Culvert.ProxyBench")]
