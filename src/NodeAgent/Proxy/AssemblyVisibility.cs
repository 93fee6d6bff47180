using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("Culvert.NodeAgent.Tests")]
[assembly: InternalsVisibleTo("Culvert.ProxyBench")]
