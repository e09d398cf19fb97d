// Forwards a port until Enter is pressed:  dotnet run -- 8080:example.com:80
using Fairlead;

await using var engine = new Engine(new EngineOptions { Log = entry => Console.Error.WriteLine(entry.Message) });
engine.Start(ForwardConfig.Parse(args[0]));
Console.ReadLine();
