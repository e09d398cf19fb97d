// Real kernel, real peers: these tests are of Linux.
[assembly: System.Runtime.Versioning.SupportedOSPlatform("linux")]
