using Fairlead;
using Fairlead.Cli;

// Before the program opens any of its own.
_ = Descriptors.AtStart;
return await CommandLine.RunAsync(args, Console.Out, Console.Error).ConfigureAwait(false);
