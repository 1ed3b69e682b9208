@echo off
rem Runs Litespark from its source folder. The build does nothing where nothing has changed; its output goes to stderr,
rem since stdout belongs to the program alone.
setlocal
set "DOTNET_NOLOGO=1"
set "DOTNET_CLI_TELEMETRY_OPTOUT=1"
set "version="
for /f "delims=." %%v in ('dotnet --version 2^>nul') do set "version=%%v"
if not defined version goto :nodotnet
if %version% LSS 10 goto :nodotnet
dotnet build "%~dp0src\Litespark.Cli\Litespark.Cli.csproj" -c Release --nologo -v quiet -tl:off -clp:ErrorsOnly 1>&2 || exit /b 1
dotnet "%~dp0src\Litespark.Cli\bin\Release\net10.0\Litespark.Cli.dll" %*
exit /b %ERRORLEVEL%

:nodotnet
echo litespark: the .NET 10 SDK is needed. Install it from https://dotnet.microsoft.com/download and try again. 1>&2
exit /b 2
